-- The row's number, good for the rest of the transaction, spares the update a search by id.
SELECT rowid, cancel_requested FROM tasks WHERE id = ?1 AND state = 'running' AND lease = ?2
