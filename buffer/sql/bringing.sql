-- Rows keep their sequences. What is there already stays as it is.

-- name: bring_journal
INSERT INTO journal (seq, source, subject, payload, source_at, received_at, recorded_at, good)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: bring_signal_key
INSERT INTO signal_key (signal, key)
SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM journal WHERE seq = ?1) ON CONFLICT DO NOTHING;

-- name: bring_quarantine
INSERT INTO quarantine (seq, signal, reason, recorded_at, state, decided_at, decision)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
WHERE EXISTS (SELECT 1 FROM journal WHERE seq = ?2) ON CONFLICT DO NOTHING;

-- name: bring_gap
INSERT INTO gap (seq, source, subject, noticed_at, reason, missed)
VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: bring_track
INSERT INTO track (owner, key, state, due_at, changed_at)
VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: bring_milestone
INSERT INTO milestone
    (seq, id, name, rule, key, occurred_at, recorded_at, mark, retracts, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: bring_milestone_key
INSERT INTO milestone_key (milestone, key)
SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM milestone WHERE seq = ?1) ON CONFLICT DO NOTHING;

-- name: bring_evidence
INSERT INTO evidence (signal, milestone)
SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM milestone WHERE seq = ?2) ON CONFLICT DO NOTHING;

-- name: bring_entry
-- What is pending may have been sent since its page was written: it is looked up first. What could
-- not be read at an earlier try was owed again then, perhaps under another number.
INSERT INTO entry (
    seq, destination, milestone, key, lane, state, attempts, unsure, outcome, settled_at
)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, max(?8, ?6 = 'pending'), ?9, ?10
WHERE EXISTS (SELECT 1 FROM milestone WHERE seq = ?3)
AND NOT EXISTS (SELECT 1 FROM entry WHERE milestone = ?3 AND destination = ?2)
ON CONFLICT DO NOTHING;

-- name: bring_attempt
-- Not to an entry that was made anew in the place of a lost one, which counts its own: the next
-- attempt of an entry must find its number free.
INSERT INTO attempt (entry, number, started_at, ended_at, verdict, detail)
SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE EXISTS (SELECT 1 FROM entry WHERE seq = ?1 AND attempts >= ?2) ON CONFLICT DO NOTHING;

-- name: here_journal
-- Whether what has this sequence is this row; likewise below.
SELECT (source, subject, payload) = (?2, ?3, ?4) FROM journal WHERE seq = ?1;

-- name: here_quarantine
SELECT signal = ?2 FROM quarantine WHERE seq = ?1;

-- name: here_gap
SELECT (source, subject, noticed_at) = (?2, ?3, ?4) FROM gap WHERE seq = ?1;

-- name: here_milestone
SELECT id = ?2 FROM milestone WHERE seq = ?1;

-- name: here_entry
-- Under whatever number.
SELECT 1 FROM entry WHERE milestone = ?3 AND destination = ?2;
