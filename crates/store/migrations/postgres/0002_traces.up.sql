-- The trace that a task belongs to: `traceparent` and, after a space, `tracestate`, as W3C writes them. NULL for the
-- tasks of requests that had none. Adding such a column changes no row, and a NULL takes no room: both tables have
-- columns that are NULL already, and the bits for them have room for two more.
ALTER TABLE tasks ADD COLUMN trace_context text;
ALTER TABLE history ADD COLUMN trace_context text;
