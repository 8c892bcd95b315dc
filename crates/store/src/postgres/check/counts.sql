WITH stored AS (SELECT queue, state, count(*) AS count FROM tasks GROUP BY queue, state),
counted AS (
    SELECT queue, state, sum(count) AS count
    FROM queue_counts CROSS JOIN LATERAL (
        VALUES ('scheduled', scheduled), ('available', available), ('running', running)
    ) AS each (state, count)
    GROUP BY queue, state
)
SELECT NULL::uuid, 'queue ' || queue || ': ' || coalesce(stored.count, 0) || ' ' || state || ', counted as '
    || coalesce(counted.count, 0)
FROM stored FULL JOIN counted USING (queue, state)
WHERE coalesce(stored.count, 0) <> coalesce(counted.count, 0)
