-- Not itself a migration: it has to be there before the first, and stays when all are reverted. `down_sql` is kept so
-- that a program that does not carry a migration can revert it.
CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum BLOB NOT NULL CHECK (length(checksum) = 32),
    applied_at INTEGER NOT NULL,
    works_from INTEGER,
    down_sql TEXT,
    down_checksum BLOB CHECK (length(down_checksum) = 32)
) STRICT;
