-- name: last_audited
SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1;

-- name: append_audited
INSERT INTO audit (seq, at, who, act, detail, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: audited
-- Acts behind a sequence, in order.
SELECT seq, at, who, act, detail, previous, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?;
