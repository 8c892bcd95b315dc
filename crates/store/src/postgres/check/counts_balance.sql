SELECT NULL::uuid, 'queue ' || queue || ': ' || sum(created) || ' created, but '
    || sum(scheduled + available + running + completed + cancelled + dead) || ' unfinished or finished'
FROM queue_counts
GROUP BY queue
HAVING sum(created) <> sum(scheduled + available + running + completed + cancelled + dead)
