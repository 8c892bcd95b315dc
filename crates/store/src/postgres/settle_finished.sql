-- The same of finished tasks, whose result is needed to recognise a repeated report.
SELECT task.id, queue, kind, state, lease, last_outcome, attempt, max_attempts, crashes, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, result, now(),
    trace_context
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT * FROM history WHERE history.id = wanted.id LIMIT 1) AS task
