-- Notes that workers asked for tasks. $1 workers, sorted, so that two instances lock them in the same order
-- $2 instances   $3 how long ago, in microseconds   $4 their queues, as array literals
INSERT INTO workers (worker_id, instance, last_seen_at, queues)
SELECT worker_id, instance, now() - ago * interval '1 microsecond', queues::text[]
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS seen (worker_id, instance, ago, queues)
ON CONFLICT (worker_id) DO UPDATE SET
    instance = excluded.instance, last_seen_at = excluded.last_seen_at, queues = excluded.queues
    WHERE workers.last_seen_at <= excluded.last_seen_at
