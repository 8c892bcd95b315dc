-- Removes everything 0001_tasks.up.sql made, the tasks included.
DROP TABLE workers;
DROP TABLE idempotency_keys;
DROP TABLE queue_counts;
DROP TABLE queues;
DROP TABLE history;
DROP TABLE tasks;
