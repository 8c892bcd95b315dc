-- The inner LIMIT bounds the rows looked at (?2), the outer one (?7) the matches. The inner SELECT names only
-- columns that are stored early in the row, so that no payload is read for a row that does not match.
SELECT id FROM (
    SELECT id, queue, kind, state, tags FROM history INDEXED BY history_failed
    WHERE state <> 'completed' AND id < ?1
    ORDER BY id DESC
    LIMIT ?2
)
WHERE (?3 IS NULL OR queue = ?3)
    AND (?4 IS NULL OR kind = ?4)
    AND (?5 IS NULL OR state = ?5)
    AND (?6 IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?6))
LIMIT ?7
