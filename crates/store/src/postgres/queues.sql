-- Every queue, its counters, and since when its oldest available task could be claimed.
--
-- The counters are a few rows per queue; the look for the oldest task reads one index entry per queue and
-- priority, since within these the index of claims is ordered by run_at. Where the counters say that nothing is
-- available there is no look: what it would read are the dead entries of tasks that are gone.
SELECT coalesce(counts.queue, queues.name) AS name, coalesce(queues.paused, false),
    coalesce(counts.scheduled, 0)::bigint, coalesce(counts.available, 0)::bigint,
    coalesce(counts.running, 0)::bigint, coalesce(counts.completed, 0)::bigint,
    coalesce(counts.cancelled, 0)::bigint, coalesce(counts.dead, 0)::bigint,
    coalesce(counts.created, 0)::bigint, oldest.run_at, now()
FROM (
    SELECT queue, sum(created) AS created, sum(scheduled) AS scheduled, sum(available) AS available,
        sum(running) AS running, sum(completed) AS completed, sum(cancelled) AS cancelled, sum(dead) AS dead
    FROM queue_counts
    GROUP BY queue
) AS counts
FULL JOIN queues ON queues.name = counts.queue
CROSS JOIN LATERAL (
    SELECT min(first.run_at) AS run_at
    FROM generate_series(1, 9) AS level (priority)
    CROSS JOIN LATERAL (
        SELECT run_at
        FROM tasks
        WHERE counts.available > 0 AND state = 'available' AND tasks.queue = counts.queue
            AND tasks.priority = level.priority::smallint
        ORDER BY run_at, id
        LIMIT 1
    ) AS first
) AS oldest
ORDER BY name
