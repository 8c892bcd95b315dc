-- Forgets which traces tasks belong to; the tasks stay. SQLite writes both tables anew.
ALTER TABLE history DROP COLUMN trace_context;
ALTER TABLE tasks DROP COLUMN trace_context;
