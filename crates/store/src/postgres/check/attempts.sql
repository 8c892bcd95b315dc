SELECT id, 'attempt ' || attempt || ' of ' || max_attempts || ', ' || crashes || ' crashes, ' || lease || ' leases'
FROM (
    SELECT id, attempt, max_attempts, crashes, lease FROM tasks
    UNION ALL
    SELECT id, attempt, max_attempts, crashes, lease FROM history
) AS every
WHERE attempt < 0 OR crashes < 0 OR attempt > max_attempts OR attempt > lease OR crashes > lease
