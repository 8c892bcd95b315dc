-- Workers seen within $1 microseconds, or holding tasks; the tasks by the age of their lease. At most
-- $2 running tasks are looked at altogether, those that expire first, and $3 answered per worker.
WITH held AS (
    SELECT worker_id, (array_agg(id ORDER BY started_at, id))[:$3::integer] AS running
    FROM (
        SELECT worker_id, id, started_at FROM tasks WHERE state = 'running' ORDER BY expires_at LIMIT $2::bigint
    ) AS running
    GROUP BY worker_id
)
SELECT coalesce(workers.worker_id, held.worker_id) AS id, workers.queues, workers.instance,
    workers.last_seen_at, held.running
FROM workers
FULL JOIN held ON held.worker_id = workers.worker_id
WHERE held.worker_id IS NOT NULL OR workers.last_seen_at >= now() - $1::bigint * interval '1 microsecond'
ORDER BY id
