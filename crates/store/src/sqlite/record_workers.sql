-- Reports may arrive late: an older one never replaces a newer.
INSERT INTO workers (worker_id, queues, instance, last_seen_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (worker_id) DO UPDATE SET
    queues = excluded.queues, instance = excluded.instance, last_seen_at = excluded.last_seen_at
    WHERE excluded.last_seen_at >= last_seen_at
