SELECT tasks.id, 'another unfinished task of the queue ' || queue || ' and the kind ' || kind || ' has its unique key'
FROM tasks JOIN (
    SELECT queue, kind, unique_key FROM tasks
    WHERE unique_key IS NOT NULL
    GROUP BY queue, kind, unique_key
    HAVING count(*) > 1
) AS shared USING (queue, kind, unique_key)
