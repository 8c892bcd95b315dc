-- Folds up to $1 rows of the counters into one per queue. Readers see the rows before or after, and their
-- sum is the same. Rows that another instance is folding are skipped.
WITH taken AS (
    DELETE FROM queue_counts
    WHERE ctid = ANY (ARRAY (SELECT ctid FROM queue_counts LIMIT $1::bigint FOR UPDATE SKIP LOCKED))
    RETURNING *
)
INSERT INTO queue_counts (queue, created, scheduled, available, running, completed, cancelled, dead)
SELECT queue, sum(created), sum(scheduled), sum(available), sum(running), sum(completed), sum(cancelled),
    sum(dead)
FROM taken
GROUP BY queue
