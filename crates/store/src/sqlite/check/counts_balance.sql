SELECT NULL, 'queue ' || queue || ': ' || sum(CASE state WHEN 'created' THEN count ELSE 0 END) || ' created, but '
    || sum(CASE state WHEN 'created' THEN 0 ELSE count END) || ' unfinished or finished'
FROM queue_counts
GROUP BY queue
HAVING sum(CASE state WHEN 'created' THEN count ELSE -count END) <> 0
