-- Which of the tasks $1 there are, unfinished or finished.
SELECT wanted.id
FROM unnest($1::uuid[]) AS wanted (id)
WHERE EXISTS (SELECT FROM tasks WHERE tasks.id = wanted.id)
    OR EXISTS (SELECT FROM history WHERE history.id = wanted.id)
