-- Asks the workers of the running tasks $1 to stop. LIKE: see claim_one.sql.
UPDATE tasks SET cancel_requested = true WHERE id = ANY ($1::uuid[]) AND state LIKE 'running'
