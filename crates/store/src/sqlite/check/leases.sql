SELECT id, CASE
        WHEN state = 'running' THEN 'it is running without a whole lease'
        WHEN state IN ('scheduled', 'available') THEN 'it is ' || state || ' and holds a lease'
        ELSE 'its state ' || state || ' is none of an unfinished task'
    END
FROM tasks
WHERE CASE
        WHEN state = 'running' THEN lease < 1 OR worker_id IS NULL OR started_at IS NULL OR expires_at IS NULL
            OR lease_expires_at IS NULL OR deadline_at IS NULL OR last_outcome IS NOT NULL
        WHEN state IN ('scheduled', 'available') THEN expires_at IS NOT NULL OR lease_expires_at IS NOT NULL
            OR deadline_at IS NOT NULL
        ELSE true
    END
