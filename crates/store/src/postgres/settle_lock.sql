-- What a decision needs to know of the unfinished tasks $1, locked until the transaction ends.
--
-- Locked in the order of their ids, as every statement does that locks more than one task: two of them
-- cannot then wait for each other.
SELECT id, queue, kind, state, lease, last_outcome, attempt, max_attempts, crashes, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, NULL::text,
    now(), trace_context
FROM tasks
WHERE id = ANY ($1::uuid[])
ORDER BY id
FOR UPDATE
