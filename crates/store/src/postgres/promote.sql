-- Makes up to $1 scheduled tasks whose time has come available. Answers how many, their queues, when the
-- next one is due, and the time; then, for each queue and priority with tasks that are more than $2
-- microseconds late, when the first of those was due: see floors.rs.
--
-- Tasks that are locked are being promoted by another instance, or cancelled: they are skipped. By ctid and
-- with LIKE for the same reason as in claim_one.sql.
WITH due AS MATERIALIZED (
    SELECT ctid
    FROM tasks
    WHERE state = 'scheduled' AND run_at <= now()
    ORDER BY run_at
    LIMIT $1::bigint
    FOR UPDATE SKIP LOCKED
),
promoted AS (
    UPDATE tasks SET state = 'available'
    FROM due
    WHERE tasks.ctid = due.ctid AND tasks.state LIKE 'scheduled'
    RETURNING tasks.queue, tasks.priority, tasks.run_at
),
by_queue AS (
    SELECT queue, count(*) AS count FROM promoted GROUP BY queue
),
counted AS (
    INSERT INTO queue_counts (queue, scheduled, available) SELECT queue, -count, count FROM by_queue
),
late AS (
    SELECT queue, priority, min(run_at) AS run_at
    FROM promoted
    WHERE run_at < now() - $2::bigint * interval '1 microsecond'
    GROUP BY queue, priority
)
SELECT total.count, total.queues,
    (SELECT run_at FROM tasks WHERE state = 'scheduled' AND run_at > now() ORDER BY run_at LIMIT 1),
    now(), behind.queues, behind.priorities, behind.run_at
FROM (
    SELECT coalesce(sum(count), 0)::bigint AS count, coalesce(array_agg(queue), '{}') AS queues
    FROM by_queue
) AS total
CROSS JOIN (
    SELECT coalesce(array_agg(queue), '{}') AS queues, coalesce(array_agg(priority), '{}') AS priorities,
        coalesce(array_agg(run_at), '{}') AS run_at
    FROM late
) AS behind
