-- name: open_behind
-- Signals in quarantine that nobody has decided on, behind a sequence.
SELECT q.seq, q.signal, j.source, j.subject, q.reason, q.recorded_at, q.state, q.decision
FROM quarantine AS q LEFT JOIN journal AS j ON j.seq = q.signal
WHERE q.state = 'open' AND q.seq > ? ORDER BY q.seq LIMIT ?;

-- name: all_behind
SELECT q.seq, q.signal, j.source, j.subject, q.reason, q.recorded_at, q.state, q.decision
FROM quarantine AS q LEFT JOIN journal AS j ON j.seq = q.signal
WHERE q.seq > ? ORDER BY q.seq LIMIT ?;

-- name: by_number
SELECT q.seq, q.signal, j.source, j.subject, q.reason, q.recorded_at, q.state, q.decision
FROM json_each(?) AS each CROSS JOIN quarantine AS q ON q.seq = each.value
LEFT JOIN journal AS j ON j.seq = q.signal;

-- name: raw
-- The signal that a number in quarantine stands for.
SELECT j.seq, j.source, j.subject, j.payload, j.source_at, j.received_at, j.recorded_at, j.good
FROM quarantine AS q JOIN journal AS j ON j.seq = q.signal WHERE q.seq = ?;

-- name: is_open
SELECT EXISTS (SELECT 1 FROM quarantine WHERE seq = ? AND state = 'open');

-- name: decide
-- Every open row of the signal: it was looked at as a whole.
UPDATE quarantine SET state = 'judged', decision = ?, decided_at = ?
WHERE signal = ? AND state = 'open';

-- name: refuse_again
UPDATE quarantine SET reason = ? WHERE signal = ? AND state = 'open';

-- name: discard
UPDATE quarantine SET state = 'discarded', decision = ?, decided_at = ?
WHERE state = 'open' AND seq IN (SELECT value FROM json_each(?))
RETURNING seq;

-- name: is_known
SELECT EXISTS (SELECT 1 FROM quarantine WHERE signal = ?);
