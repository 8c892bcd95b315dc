-- The trace that a task belongs to: `traceparent` and, after a space, `tracestate`, as W3C writes them. NULL for the
-- tasks of requests that had none. Adding such a column changes no row; it is the last one, so that rows without it
-- are read as before.
ALTER TABLE tasks ADD COLUMN trace_context TEXT;
ALTER TABLE history ADD COLUMN trace_context TEXT;
