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
