-- Which of the tasks $1 there are, unfinished or finished.
SELECT wanted.id
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT 1 FROM (
        (SELECT FROM tasks WHERE tasks.id = wanted.id LIMIT 1)
        UNION ALL
        (SELECT FROM history WHERE history.id = wanted.id LIMIT 1)
    ) AS stored
    LIMIT 1
) AS found
