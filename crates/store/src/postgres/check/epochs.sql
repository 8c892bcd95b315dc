-- 1048576 is the number of leases of an epoch: see epoch.rs. Without a restore, or after one that a migration down has
-- forgotten, there is no epoch, and nothing to say.
SELECT id, 'its lease ' || lease || ' is of before the restore that began epoch ' || latest.epoch
FROM tasks, (SELECT max(epoch) AS epoch FROM epochs) latest
WHERE state = 'running' AND lease <= latest.epoch * 1048576
