-- Which unfinished tasks have the unique keys of the finished tasks $1.
SELECT finished.id, holder.id
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT * FROM history WHERE history.id = wanted.id LIMIT 1) AS finished
CROSS JOIN LATERAL (
    SELECT tasks.id
    FROM tasks
    WHERE tasks.queue = finished.queue AND tasks.kind = finished.kind
        AND tasks.unique_key = finished.unique_key AND tasks.unique_key IS NOT NULL
    LIMIT 1
) AS holder
