SELECT worker_id, id FROM tasks INDEXED BY tasks_expiry WHERE state = 'running' ORDER BY started_at, id
