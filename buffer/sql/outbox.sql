-- name: append_milestone
-- Returns the sequence, or no row if the fact is already known.
INSERT INTO milestone
    (id, name, rule, key, occurred_at, recorded_at, mark, retracts, evidence, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING
RETURNING seq;

-- name: append_milestone_key
INSERT INTO milestone_key (key, milestone) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: append_entry
INSERT INTO entry (destination, milestone, key, state) VALUES (?, ?, ?, 'pending');

-- name: pending
-- Entries of one destination behind a sequence, in order, that are not parked.
SELECT e.seq, e.key, e.attempts, e.unsure, m.id, m.name, m.occurred_at, m.recorded_at, m.body
FROM entry AS e JOIN milestone AS m ON m.seq = e.milestone
WHERE e.destination = ? AND e.state = 'pending' AND e.seq > ? AND e.parked = 0
ORDER BY e.seq LIMIT ?;

-- name: parked
-- Parked entries of one key, in order.
SELECT e.seq, e.key, e.attempts, e.unsure, m.id, m.name, m.occurred_at, m.recorded_at, m.body
FROM entry AS e JOIN milestone AS m ON m.seq = e.milestone
WHERE e.destination = ? AND e.key = ? AND e.parked = 1
ORDER BY e.seq LIMIT ?;

-- name: park
UPDATE entry SET parked = 1 WHERE seq = ?;

-- name: unpark
UPDATE entry SET parked = 0 WHERE seq = ?;

-- name: unpark_all
UPDATE entry SET parked = 0 WHERE destination = ? AND parked = 1;

-- name: append_attempt
INSERT INTO attempt (entry, number, started_at, ended_at, verdict, detail)
VALUES (?, ?, ?, ?, ?, ?);

-- name: settle
-- Once unsure, an entry stays so: a later attempt does not tell what became of the earlier one.
UPDATE entry
SET state = ?, parked = 0, attempts = ?, unsure = max(unsure, ?), outcome = ?, settled_at = ?
WHERE seq = ?;

-- name: dead_keys
SELECT DISTINCT key FROM entry WHERE destination = ? AND state = 'dead';

-- name: revive
-- A dead letter is to be sent again, with the same key and the same bytes. It is
-- parked, so that it comes before whatever was parked behind it.
UPDATE entry SET state = 'pending', parked = 1, settled_at = NULL WHERE seq = ? AND state = 'dead';

-- name: discard
UPDATE entry SET state = 'discarded', outcome = ?, settled_at = ? WHERE seq = ? AND state = 'dead';

-- name: owed
-- Where an entry goes, and whose order it keeps.
SELECT destination, key FROM entry WHERE seq = ?;

-- name: oldest_pending
-- When the oldest undelivered milestone of a destination was recorded.
SELECT m.recorded_at FROM entry AS e JOIN milestone AS m ON m.seq = e.milestone
WHERE e.destination = ? AND e.state = 'pending' ORDER BY e.seq LIMIT 1;

-- name: entries
-- For an operator: by destination and state, the oldest first.
SELECT e.seq, e.destination, e.key, m.name, e.state, e.attempts, m.occurred_at, m.recorded_at,
       e.outcome, e.settled_at
FROM entry AS e JOIN milestone AS m ON m.seq = e.milestone
WHERE (?1 IS NULL OR e.destination = ?1) AND e.state = ?2
ORDER BY e.seq LIMIT ?3;

-- name: milestones_of_key
SELECT m.seq, m.id, m.name, m.rule, m.key, m.occurred_at, m.recorded_at, m.mark, m.retracts,
       m.evidence, m.body
FROM milestone_key AS k JOIN milestone AS m ON m.seq = k.milestone
WHERE k.key = ? ORDER BY m.occurred_at, m.seq LIMIT ?;

-- name: milestone_by_id
SELECT m.seq, m.id, m.name, m.rule, m.key, m.occurred_at, m.recorded_at, m.mark, m.retracts,
       m.evidence, m.body
FROM milestone AS m WHERE m.id = ?;

-- name: entries_of_milestone
SELECT seq, destination, state, attempts, outcome, settled_at FROM entry
WHERE milestone = ? ORDER BY seq;

-- name: attempts_of_entry
SELECT number, started_at, ended_at, verdict, detail FROM attempt WHERE entry = ? ORDER BY number;
