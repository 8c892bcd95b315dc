-- Which unfinished tasks have the unique keys of the finished tasks $1.
SELECT history.id, tasks.id
FROM unnest($1::uuid[]) AS wanted (id)
JOIN history ON history.id = wanted.id
JOIN tasks ON tasks.queue = history.queue AND tasks.kind = history.kind
    AND tasks.unique_key = history.unique_key AND tasks.unique_key IS NOT NULL
