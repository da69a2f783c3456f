-- name: old_signals
SELECT seq, recorded_at, length(payload) FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2;

-- name: newest_signal
SELECT max(seq) FROM journal;

-- name: mentioned_beyond
-- The signal of the key row that lies so many rows on.
SELECT signal FROM signal_key WHERE signal BETWEEN ?1 AND ?2 ORDER BY signal LIMIT 1 OFFSET ?3;

-- name: evidence_beyond
SELECT signal FROM evidence WHERE signal BETWEEN ?1 AND ?2 ORDER BY signal LIMIT 1 OFFSET ?3;

-- name: undelivered_evidence
-- Signals that explain a milestone which a destination has not got yet.
SELECT DISTINCT v.signal FROM evidence AS v CROSS JOIN entry AS e ON e.milestone = v.milestone
WHERE v.signal BETWEEN ?1 AND ?2 AND e.state IN ('pending', 'dead');

-- name: prune_signals
DELETE FROM journal
WHERE seq BETWEEN ?1 AND ?2 AND seq NOT IN (SELECT value FROM json_each(?3));

-- name: prune_signal_keys
DELETE FROM signal_key
WHERE signal BETWEEN ?1 AND ?2 AND signal NOT IN (SELECT value FROM json_each(?3));

-- name: newest_undecided
-- Signals that nobody has decided on, if they are among so many of the newest.
SELECT signal FROM quarantine WHERE signal BETWEEN ?1 AND ?2 AND state = 'open' AND seq > coalesce(
    (SELECT seq FROM quarantine WHERE state = 'open' AND seq > 0 ORDER BY seq DESC LIMIT 1 OFFSET ?3),
    0
);

-- name: undecided_of_sources
-- How many signals nobody has decided on, and how many rows of the quarantine they have.
SELECT j.source, count(DISTINCT q.signal), count(*)
FROM quarantine AS q JOIN journal AS j ON j.seq = q.signal
WHERE q.signal BETWEEN ?1 AND ?2 AND q.signal NOT IN (SELECT value FROM json_each(?3))
AND q.state = 'open'
GROUP BY j.source;

-- name: prune_quarantine
DELETE FROM quarantine
WHERE signal BETWEEN ?1 AND ?2 AND signal NOT IN (SELECT value FROM json_each(?3));

-- name: old_milestones
SELECT seq, name, recorded_at FROM milestone WHERE seq > ?1 ORDER BY seq LIMIT ?2;

-- name: entries_of_old
SELECT seq, destination, state FROM entry WHERE milestone = ?;

-- name: prune_attempts
DELETE FROM attempt WHERE entry = ?1 AND number IN (
    SELECT number FROM attempt WHERE entry = ?1 ORDER BY number LIMIT ?2
);

-- name: prune_evidence
DELETE FROM evidence WHERE (signal, milestone) IN (
    SELECT signal, milestone FROM evidence WHERE milestone = ?1 LIMIT ?2
);

-- name: prune_milestone_keys
DELETE FROM milestone_key WHERE (key, milestone) IN (
    SELECT key, milestone FROM milestone_key WHERE milestone = ?1 LIMIT ?2
);

-- name: prune_entry
DELETE FROM entry WHERE seq = ?;

-- name: prune_milestone
DELETE FROM milestone WHERE seq = ?;

-- name: old_gaps
SELECT seq, noticed_at FROM gap WHERE seq > ?1 ORDER BY seq LIMIT ?2;

-- name: prune_gap
DELETE FROM gap WHERE seq = ?;

-- name: old_tracks
SELECT owner, key, due_at, changed_at FROM track
WHERE (owner, key) > (?1, ?2) ORDER BY owner, key LIMIT ?3;

-- name: prune_track
DELETE FROM track WHERE owner = ? AND key = ?;
