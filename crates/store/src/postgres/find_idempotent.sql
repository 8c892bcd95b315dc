-- What the key $1 stands for, if that was within the window of $2 microseconds and the task is still there.
SELECT fingerprint, task_id
FROM idempotency_keys
CROSS JOIN LATERAL (
    SELECT 1 FROM (
        (SELECT FROM tasks WHERE tasks.id = idempotency_keys.task_id LIMIT 1)
        UNION ALL
        (SELECT FROM history WHERE history.id = idempotency_keys.task_id LIMIT 1)
    ) AS stored
    LIMIT 1
) AS found
WHERE key = $1 AND created_at > now() - $2::bigint * interval '1 microsecond'
