WITH stored AS (SELECT queue, state, count(*) AS count FROM tasks GROUP BY queue, state),
counted AS (
    SELECT queue, state, count FROM queue_counts
    WHERE state IN ('scheduled', 'available', 'running') AND count <> 0
),
both AS (SELECT queue, state FROM stored UNION SELECT queue, state FROM counted)
SELECT NULL, 'queue ' || both.queue || ': ' || coalesce(stored.count, 0) || ' ' || both.state || ', counted as '
    || coalesce(counted.count, 0)
FROM both
LEFT JOIN stored ON stored.queue = both.queue AND stored.state = both.state
LEFT JOIN counted ON counted.queue = both.queue AND counted.state = both.state
WHERE coalesce(stored.count, 0) <> coalesce(counted.count, 0)
