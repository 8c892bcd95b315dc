-- Leases go on from where they are: they only ever grow.
DROP TABLE epochs;
