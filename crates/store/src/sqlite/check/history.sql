SELECT id, CASE
        WHEN state NOT IN ('completed', 'cancelled', 'dead') THEN 'its state ' || state || ' is none of a finished task'
        WHEN finished_at IS NULL THEN 'it is ' || state || ' and nobody knows since when'
        WHEN state = 'completed' THEN 'it is completed, but not by a worker under a lease'
        WHEN state = 'dead' THEN 'it is dead without a reason'
        ELSE 'it is ' || state || ' and has a result, or a reason to be dead'
    END
FROM history
WHERE CASE
        WHEN state NOT IN ('completed', 'cancelled', 'dead') OR finished_at IS NULL THEN true
        WHEN state = 'completed' THEN lease < 1 OR worker_id IS NULL OR started_at IS NULL
            OR last_outcome IS NOT 'completed' OR dead_reason IS NOT NULL
        WHEN state = 'dead' THEN dead_reason IS NULL OR result IS NOT NULL
        ELSE dead_reason IS NOT NULL OR result IS NOT NULL
    END
