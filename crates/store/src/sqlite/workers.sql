SELECT worker_id, queues, instance, last_seen_at FROM workers
