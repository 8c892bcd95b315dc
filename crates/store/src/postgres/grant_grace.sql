-- Gives time to whatever would be over before $1 microseconds have passed.
--
-- Both ends are moved: a worker that had finished in time, and could not say so, is not to be told that its attempt
-- ran for too long. A task that somebody is just settling is waited for, and left out when it no longer runs.
UPDATE tasks SET
    lease_expires_at = greatest(lease_expires_at, now() + $1::bigint * interval '1 microsecond'),
    deadline_at = greatest(deadline_at, now() + $1::bigint * interval '1 microsecond'),
    expires_at = now() + $1::bigint * interval '1 microsecond'
WHERE state = 'running' AND expires_at < now() + $1::bigint * interval '1 microsecond'
