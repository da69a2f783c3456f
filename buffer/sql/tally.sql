-- name: count
INSERT INTO tally (name, n) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET n = n + excluded.n;

-- name: tallies
SELECT name, n FROM tally;

-- name: beat
INSERT INTO heartbeat (id, started_at, alive_at) VALUES (1, ?, ?)
ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at, alive_at = excluded.alive_at;

-- name: heartbeat
SELECT started_at, alive_at FROM heartbeat WHERE id = 1;

-- name: begin
-- The store is written to: whatever ends this, it is no clean stop until one is told.
INSERT INTO heartbeat (id, started_at, alive_at) VALUES (1, ?1, ?1)
ON CONFLICT (id) DO UPDATE SET stopped_at = NULL;

-- name: stop
UPDATE heartbeat SET stopped_at = ? WHERE id = 1;

-- name: forget_stop
UPDATE heartbeat SET stopped_at = NULL;

-- name: stopped_at
SELECT stopped_at FROM heartbeat WHERE id = 1;
