-- Ends the sessions of this service whose client is not there any more: they have rows of tasks locked, and have waited
-- for a second to be told how to go on.
--
-- A session that is used goes on within milliseconds. One that only reads, as a backup does for long, has no such lock.
SELECT pg_terminate_backend(session.pid)
FROM pg_stat_activity session
WHERE session.datname = current_database()
    AND session.usename = current_user
    AND session.application_name = current_setting('application_name')
    AND session.state LIKE 'idle in transaction%'
    AND session.state_change < clock_timestamp() - interval '1 second'
    AND EXISTS (
        SELECT FROM pg_locks held
        WHERE held.pid = session.pid AND held.relation = 'tasks'::regclass
            AND held.mode IN ('RowShareLock', 'RowExclusiveLock')
    )
