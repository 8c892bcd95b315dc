-- What the key $1 stands for, if that was within the window of $2 microseconds and the task is still there.
SELECT fingerprint, task_id
FROM idempotency_keys
WHERE key = $1 AND created_at > now() - $2::bigint * interval '1 microsecond'
    AND (EXISTS (SELECT FROM tasks WHERE tasks.id = idempotency_keys.task_id)
        OR EXISTS (SELECT FROM history WHERE history.id = idempotency_keys.task_id))
