-- Makes up to $1 scheduled tasks whose time has come available. Answers how many, their queues, when the
-- next one is due, and the time.
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
    RETURNING tasks.queue
),
by_queue AS (
    SELECT queue, count(*) AS count FROM promoted GROUP BY queue
),
counted AS (
    INSERT INTO queue_counts (queue, scheduled, available) SELECT queue, -count, count FROM by_queue
)
SELECT coalesce(sum(count), 0)::bigint, coalesce(array_agg(queue), '{}'),
    (SELECT run_at FROM tasks WHERE state = 'scheduled' AND run_at > now() ORDER BY run_at LIMIT 1),
    now()
FROM by_queue
