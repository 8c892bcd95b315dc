SELECT cancel_requested FROM tasks WHERE id = ?1 AND state = 'running' AND lease = ?2
