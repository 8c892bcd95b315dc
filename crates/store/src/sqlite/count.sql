INSERT INTO queue_counts (queue, state, count) VALUES (?1, ?2, ?3)
ON CONFLICT (queue, state) DO UPDATE SET count = count + excluded.count
