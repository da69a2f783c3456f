-- name: standing
-- Entries given by number, as they stand.
SELECT e.seq, e.destination, e.state
FROM json_each(?) AS each CROSS JOIN entry AS e ON e.seq = each.value;

-- name: retry
UPDATE entry SET state = 'pending', settled_at = NULL
WHERE seq IN (SELECT value FROM json_each(?));

-- name: replay
-- What became of a delivered entry is known. Of a discarded one it may not be: it is looked up.
UPDATE entry
SET state = 'pending', settled_at = NULL,
    unsure = CASE state WHEN 'delivered' THEN 0 ELSE unsure END
WHERE seq IN (SELECT value FROM json_each(?));

-- name: discard
UPDATE entry SET state = 'discarded', outcome = ?, settled_at = ?
WHERE seq IN (SELECT value FROM json_each(?));

-- name: known
SELECT m.seq, EXISTS (
    SELECT 1 FROM entry AS e WHERE e.milestone = m.seq AND e.destination = ?2
) FROM milestone AS m WHERE m.id = ?1;
