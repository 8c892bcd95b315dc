-- Removes everything the first migration made, tasks included. Indexes go with their tables.
DROP TABLE workers;
DROP TABLE idempotency_keys;
DROP TABLE queue_counts;
DROP TABLE queues;
DROP TABLE history;
DROP TABLE tasks;
