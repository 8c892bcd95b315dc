INSERT INTO tasks (
    id, state, queue, kind, priority, run_at, max_attempts, timeout_ms,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict,
    created_at, tags, metadata, payload, trace_context
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
