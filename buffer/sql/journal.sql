-- name: last_signal
-- The highest journal sequence ever given, 0 if none was. sqlite_sequence tells of rows that
-- are gone: pruned, or in the store that was set aside before this one.
SELECT max(
    coalesce((SELECT max(seq) FROM journal), 0),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'journal'), 0)
);

-- name: append_signal
INSERT INTO journal (seq, source, subject, payload, source_at, received_at, recorded_at, good)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: put_bookmark
INSERT INTO bookmark (source, name, value) VALUES (?, ?, ?)
ON CONFLICT (source, name) DO UPDATE SET value = excluded.value;

-- name: forget_bookmark
DELETE FROM bookmark WHERE source = ? AND name = ?;

-- name: bookmarks
SELECT name, value FROM bookmark WHERE source = ?;

-- name: append_gap
INSERT INTO gap (source, subject, noticed_at, reason, missed) VALUES (?, ?, ?, ?, ?);

-- name: quarantine_signal
INSERT INTO quarantine (signal, reason, recorded_at) VALUES (?, ?, ?);

-- name: append_signal_key
-- A signal may be mentioned again when a rule looks at it a second time.
INSERT INTO signal_key (key, signal) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: last_signal_of_key
SELECT max(signal) FROM signal_key WHERE key = ?;

-- name: signals
-- Signals by sequence (a JSON array), oldest first.
SELECT seq, source, subject, payload, source_at, received_at, recorded_at, good
FROM journal WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq;

-- name: signals_of_key
SELECT signal FROM signal_key WHERE key = ? ORDER BY signal LIMIT ?;

-- name: quarantined_of_signals
SELECT signal, reason FROM quarantine
WHERE signal IN (SELECT value FROM json_each(?)) AND state = 'open' ORDER BY seq;

-- name: latest_quarantine
-- The newest quarantined signals that nobody has decided on: when, whence and why.
SELECT q.recorded_at, j.source, j.subject, q.reason
FROM quarantine AS q JOIN journal AS j ON j.seq = q.signal
WHERE q.state = 'open' ORDER BY q.seq DESC LIMIT ?;

-- name: latest_gaps
SELECT source, subject, noticed_at, reason, missed FROM gap ORDER BY seq DESC LIMIT ?;

-- name: signals_behind
SELECT seq, source, subject, payload, source_at, received_at, recorded_at, good
FROM journal WHERE seq > ? ORDER BY seq;
