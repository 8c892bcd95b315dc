-- Tables that are named as partitions of history: each must be one, for the ids of its day. What is in one that is
-- not, nobody finds any more.
WITH days AS (
    SELECT class.oid, relname, relispartition, pg_get_expr(relpartbound, class.oid) AS bound,
        (extract(epoch FROM to_date(substr(relname, 10), 'YYYYMMDD')) * 1000)::bigint AS millis
    FROM pg_class AS class
    WHERE relkind = 'r' AND relname ~ '^history_p[0-9]{8}$'
        AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('history'))
),
hex AS (
    SELECT days.*, lpad(to_hex(millis), 12, '0') AS first, lpad(to_hex(millis + 86400000), 12, '0') AS next
    FROM days
)
SELECT NULL::uuid, relname || CASE WHEN relispartition THEN ' is the partition of other ids: ' || bound
    ELSE ' is no partition of history: nobody finds what is in it' END
FROM hex
WHERE NOT relispartition
    OR bound IS DISTINCT FROM 'FOR VALUES FROM (''' || substr(first, 1, 8) || '-' || substr(first, 9)
        || '-0000-0000-000000000000'') TO (''' || substr(next, 1, 8) || '-' || substr(next, 9)
        || '-0000-0000-000000000000'')'
UNION ALL
SELECT NULL::uuid, 'history_default is no partition of history: nobody finds what is in it'
WHERE NOT EXISTS (
    SELECT FROM pg_inherits
    WHERE inhrelid = to_regclass('history_default') AND inhparent = to_regclass('history')
)
