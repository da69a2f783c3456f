-- name: track
SELECT state, due_at FROM track WHERE owner = ? AND key = ?;

-- name: put_track
INSERT INTO track (owner, key, state, due_at, changed_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (owner, key) DO UPDATE
SET state = excluded.state, due_at = excluded.due_at, changed_at = excluded.changed_at;

-- name: remove_track
DELETE FROM track WHERE owner = ? AND key = ?;

-- name: remove_tracks_of
DELETE FROM track WHERE owner = ?;

-- name: due
-- Keys of one owner whose deadline has passed, the earliest first.
SELECT key FROM track WHERE owner = ? AND due_at <= ? ORDER BY due_at, key LIMIT ?;

-- name: between
-- Tracks of one owner by key, a range without its ends.
SELECT key, state, due_at FROM track WHERE owner = ? AND key > ? AND key < ? ORDER BY key LIMIT ?;

-- name: tracks_of
SELECT owner, key, state, due_at, changed_at FROM track WHERE owner = ?;

-- name: owners
SELECT DISTINCT owner FROM track WHERE owner >= ? AND owner < ? ORDER BY owner;
