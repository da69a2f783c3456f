-- Each table upwards and downwards, between two numbers; the number comes first.

-- name: tables
SELECT name FROM sqlite_schema WHERE type = 'table';

-- name: beginnings
-- Above these, a store began its sequences.
SELECT seq FROM sqlite_sequence WHERE name = 'journal';

-- name: journal_up
SELECT seq, source, subject, payload, source_at, received_at, recorded_at, good
FROM journal NOT INDEXED
WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ? OFFSET ?;

-- name: journal_down
SELECT seq, source, subject, payload, source_at, received_at, recorded_at, good
FROM journal NOT INDEXED
WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ? OFFSET ?;

-- name: quarantine_up
SELECT seq, signal, reason, recorded_at, state, decided_at, decision
FROM quarantine NOT INDEXED
WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ? OFFSET ?;

-- name: quarantine_down
SELECT seq, signal, reason, recorded_at, state, decided_at, decision
FROM quarantine NOT INDEXED
WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ? OFFSET ?;

-- name: gap_up
SELECT seq, source, subject, noticed_at, reason, missed
FROM gap NOT INDEXED
WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ? OFFSET ?;

-- name: gap_down
SELECT seq, source, subject, noticed_at, reason, missed
FROM gap NOT INDEXED
WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ? OFFSET ?;

-- name: milestone_up
SELECT seq, id, name, rule, key, occurred_at, recorded_at, mark, retracts, body
FROM milestone NOT INDEXED
WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ? OFFSET ?;

-- name: milestone_down
SELECT seq, id, name, rule, key, occurred_at, recorded_at, mark, retracts, body
FROM milestone NOT INDEXED
WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ? OFFSET ?;

-- name: entry_up
SELECT seq, destination, milestone, key, lane, state, attempts, unsure, outcome, settled_at
FROM entry NOT INDEXED
WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ? OFFSET ?;

-- name: entry_down
SELECT seq, destination, milestone, key, lane, state, attempts, unsure, outcome, settled_at
FROM entry NOT INDEXED
WHERE seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ? OFFSET ?;

-- name: evidence_up
SELECT signal, milestone
FROM evidence NOT INDEXED
WHERE signal >= ? AND signal < ? ORDER BY signal, milestone LIMIT ? OFFSET ?;

-- name: evidence_down
SELECT signal, milestone
FROM evidence NOT INDEXED
WHERE signal >= ? AND signal < ? ORDER BY signal DESC, milestone DESC LIMIT ? OFFSET ?;

-- name: attempt_up
SELECT entry, number, started_at, ended_at, verdict, detail
FROM attempt NOT INDEXED
WHERE entry >= ? AND entry < ? ORDER BY entry, number LIMIT ? OFFSET ?;

-- name: attempt_down
SELECT entry, number, started_at, ended_at, verdict, detail
FROM attempt NOT INDEXED
WHERE entry >= ? AND entry < ? ORDER BY entry DESC, number DESC LIMIT ? OFFSET ?;

-- name: signal_key_up
SELECT signal, key
FROM signal_key INDEXED BY signal_key_signal
WHERE signal >= ? AND signal < ? ORDER BY signal LIMIT ? OFFSET ?;

-- name: signal_key_down
SELECT signal, key
FROM signal_key INDEXED BY signal_key_signal
WHERE signal >= ? AND signal < ? ORDER BY signal DESC LIMIT ? OFFSET ?;

-- name: signal_key_by_key_up
SELECT signal, key FROM signal_key NOT INDEXED ORDER BY key, signal;

-- name: signal_key_by_key_down
SELECT signal, key FROM signal_key NOT INDEXED ORDER BY key DESC, signal DESC;

-- name: milestone_key_up
SELECT milestone, key
FROM milestone_key INDEXED BY milestone_key_milestone
WHERE milestone >= ? AND milestone < ? ORDER BY milestone LIMIT ? OFFSET ?;

-- name: milestone_key_down
SELECT milestone, key
FROM milestone_key INDEXED BY milestone_key_milestone
WHERE milestone >= ? AND milestone < ? ORDER BY milestone DESC LIMIT ? OFFSET ?;

-- name: milestone_key_by_key_up
SELECT milestone, key FROM milestone_key NOT INDEXED ORDER BY key, milestone;

-- name: milestone_key_by_key_down
SELECT milestone, key FROM milestone_key NOT INDEXED ORDER BY key DESC, milestone DESC;

-- name: track_up
SELECT owner, key, state, due_at, changed_at FROM track NOT INDEXED
WHERE owner = ? AND key >= CAST(? AS TEXT) AND key < CAST(? AS TEXT) ORDER BY key LIMIT ? OFFSET ?;

-- name: owners_up
SELECT DISTINCT owner FROM track NOT INDEXED ORDER BY owner;

-- name: track_down
SELECT owner, key, state, due_at, changed_at FROM track NOT INDEXED
WHERE owner = ? AND key >= CAST(? AS TEXT) AND key < CAST(? AS TEXT) ORDER BY key DESC LIMIT ? OFFSET ?;

-- name: owners_down
SELECT DISTINCT owner FROM track NOT INDEXED ORDER BY owner DESC;

-- name: owners_by_deadline
SELECT DISTINCT owner FROM track INDEXED BY track_due WHERE due_at IS NOT NULL;
