-- Pauses or resumes the queue $1; answers a row when that changed something. A queue that is not here is
-- not paused: resuming it changes nothing, and need not be remembered.
INSERT INTO queues (name, paused)
SELECT $1, $2 WHERE $2 OR EXISTS (SELECT FROM queues WHERE name = $1)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused, changed_at = now()
    WHERE queues.paused <> excluded.paused
RETURNING name
