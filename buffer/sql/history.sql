-- name: signals_after
-- Signals behind a sequence, in order.
SELECT seq, source, subject, payload, source_at, received_at, recorded_at, good
FROM journal WHERE seq > ? ORDER BY seq LIMIT ?;

-- name: known
-- Those of some milestones that are in the store; their ids, of 16 bytes each, one after the other.
WITH RECURSIVE place (at) AS (
    SELECT 1 WHERE length(?1) > 0
    UNION ALL SELECT at + 16 FROM place WHERE at + 16 <= length(?1)
)
SELECT m.id, m.name, m.key, m.occurred_at, m.recorded_at, m.body
FROM place CROSS JOIN milestone AS m ON m.id = substr(?1, place.at, 16);

-- name: milestones_after
-- Milestones behind a sequence, in order, each with the first signal that it was concluded from.
SELECT m.seq, m.id, m.name, m.key, m.occurred_at, m.recorded_at,
       (SELECT min(signal) FROM evidence WHERE milestone = m.seq)
FROM milestone AS m WHERE m.seq > ? ORDER BY m.seq LIMIT ?;

-- name: newest_milestone
SELECT coalesce(max(seq), 0) FROM milestone;

-- name: tracks_after
SELECT key, state FROM track WHERE owner = ? AND key > ? ORDER BY key LIMIT ?;

-- name: resting_on
-- Milestones that were concluded from some signals, a JSON list.
SELECT e.signal, m.id, m.name, m.rule, m.key, m.retracts
FROM json_each(?) AS each CROSS JOIN evidence AS e ON e.signal = each.value
JOIN milestone AS m ON m.seq = e.milestone;
