-- There may be fewer: old ones are pruned, and stay counted.
WITH stored AS (SELECT queue, state, count(*) AS count FROM history GROUP BY queue, state),
counted AS (
    SELECT queue, state, sum(count) AS count
    FROM queue_counts CROSS JOIN LATERAL (
        VALUES ('completed', completed), ('cancelled', cancelled), ('dead', dead)
    ) AS each (state, count)
    GROUP BY queue, state
)
SELECT NULL::uuid, 'queue ' || queue || ': ' || stored.count || ' ' || state || ' in history, counted as '
    || coalesce(counted.count, 0)
FROM stored LEFT JOIN counted USING (queue, state)
WHERE stored.count > coalesce(counted.count, 0)
