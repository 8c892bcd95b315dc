-- The tables and indexes there are. An index that is not valid, such as one whose making was interrupted, is not one.
SELECT class.relname::text
FROM pg_class AS class LEFT JOIN pg_index ON indexrelid = class.oid
WHERE class.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('schema_migrations'))
    AND class.relkind IN ('r', 'p', 'i', 'I') AND coalesce(indisvalid, true)
