-- Of entries that are sorted in a file of their own, and of the live store.

-- name: for_once
PRAGMA journal_mode = OFF;

-- name: unsynced
PRAGMA synchronous = OFF;

-- name: make
-- As they were read: what does not fit the schema is left out when they are brought over.
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, destination, milestone, key, lane, state, attempts, unsure, outcome,
    settled_at
);

-- name: make_index
CREATE INDEX entry_milestone ON entry (milestone);

-- name: begin
BEGIN;

-- name: sort
INSERT INTO entry (
    seq, destination, milestone, key, lane, state, attempts, unsure, outcome, settled_at
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: between
SELECT seq, destination, milestone, key, lane, state, attempts, unsure, outcome, settled_at
FROM entry WHERE seq >= ? AND seq < ? ORDER BY seq;

-- name: before
-- The milestone of the entry before a stretch of sequences.
SELECT milestone FROM entry
WHERE seq < ?1 AND milestone BETWEEN 1 AND ?3 ORDER BY seq DESC LIMIT 1;

-- name: behind
-- That of the entry behind it. An imported entry may be of an older milestone.
SELECT milestone FROM entry
WHERE seq >= ?2 AND milestone BETWEEN ?4 AND ?3 ORDER BY seq LIMIT 1;

-- name: tallies
SELECT name FROM tally;

-- name: begins
-- Above this the live store began its sequences.
SELECT seq FROM sqlite_sequence WHERE name = 'journal';

-- name: milestones_between
SELECT seq, name, key FROM milestone WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq LIMIT ?3;

-- name: destinations_of
SELECT destination FROM entry WHERE milestone = ?;

-- name: last_entry_in
SELECT max(coalesce(max(seq), ?1 - 1), 0) FROM entry WHERE seq >= ?1 AND seq < ?2;

-- name: owe_again
INSERT INTO entry (seq, destination, milestone, key, lane, state, unsure)
VALUES (?, ?, ?, ?, ?, 'pending', 1);
