-- There may be fewer: old ones are pruned, and stay counted.
WITH stored AS (SELECT queue, state, count(*) AS count FROM history GROUP BY queue, state)
SELECT NULL, 'queue ' || stored.queue || ': ' || stored.count || ' ' || stored.state || ' in history, counted as '
    || coalesce(counted.count, 0)
FROM stored
LEFT JOIN queue_counts AS counted ON counted.queue = stored.queue AND counted.state = stored.state
WHERE stored.count > coalesce(counted.count, 0)
