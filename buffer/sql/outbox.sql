-- name: append_milestone
-- Returns the sequence, or no row if the fact is already known.
INSERT INTO milestone
    (id, name, rule, key, occurred_at, recorded_at, mark, retracts, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING
RETURNING seq;

-- name: event_of
SELECT body FROM milestone WHERE id = ?;

-- name: append_milestone_key
INSERT INTO milestone_key (key, milestone) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: append_evidence
INSERT INTO evidence (signal, milestone) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: append_entry
INSERT INTO entry (destination, milestone, key, lane, state) VALUES (?, ?, ?, ?, 'pending');

-- name: pending
-- Entries of one destination in one lane behind a sequence, in order.
SELECT e.seq, e.key, e.attempts, e.unsure, m.id, m.name, m.occurred_at, m.recorded_at, m.body,
       e.lane, e.milestone, m.retracts
FROM entry AS e JOIN milestone AS m ON m.seq = e.milestone
WHERE e.destination = ? AND e.lane = ? AND e.state = 'pending' AND e.seq > ?
ORDER BY e.seq LIMIT ?;

-- name: pending_of_key
-- Entries of one key at one destination behind a milestone, in order, whatever their lane.
SELECT e.seq, e.key, e.attempts, e.unsure, m.id, m.name, m.occurred_at, m.recorded_at, m.body,
       e.lane, e.milestone, m.retracts
FROM milestone_key AS k
JOIN milestone AS m ON m.seq = k.milestone AND m.key = k.key
JOIN entry AS e ON e.milestone = m.seq
WHERE k.key = ?1 AND k.milestone > ?3 AND e.destination = ?2 AND e.state = 'pending'
ORDER BY k.milestone LIMIT ?4;

-- name: hidden
-- Which of these stretches of keys, a JSON array of [key, after, before] with sequences of
-- milestones, hold entries that a destination has not got; by position, from 0.
SELECT each.key FROM json_each(?1) AS each
WHERE EXISTS (
    SELECT 1 FROM milestone_key AS k JOIN entry AS e ON e.milestone = k.milestone AND e.key = k.key
    WHERE k.key = each.value ->> 0
      AND k.milestone > each.value ->> 1 AND k.milestone < each.value ->> 2
      AND e.destination = ?2 AND e.state = 'pending'
);

-- name: dead_among
-- Which of these keys, a JSON array, are held back by a dead letter, as a JSON array; and the
-- last act of an operator that this takes into account.
SELECT (
    SELECT json_group_array(each.value) FROM json_each(?1) AS each
    WHERE EXISTS (
        SELECT 1 FROM entry WHERE destination = ?2 AND key = each.value AND state = 'dead'
    )
), (SELECT coalesce(max(seq), 0) FROM audit);

-- name: newest
-- The newest entry, its milestone, and the last act of an operator; zeros if there is none.
SELECT coalesce(max(seq), 0),
       coalesce((SELECT milestone FROM entry WHERE seq = (SELECT max(seq) FROM entry)), 0),
       (SELECT coalesce(max(seq), 0) FROM audit)
FROM entry;

-- name: append_attempts
-- A JSON array of arrays: one statement for all, as each that the store's thread executes may have
-- to wait for the interpreter's lock.
INSERT INTO attempt (entry, number, started_at, ended_at, verdict, detail)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
FROM json_each(?);

-- name: forget_attempts
-- Those of an entry between the first and the last that are kept.
DELETE FROM attempt WHERE entry = ? AND number > ? AND number <= ?;

-- name: not_pending
-- Which of these entries, a JSON array, an operator has decided on, and how.
SELECT seq, state FROM entry
WHERE seq IN (SELECT value FROM json_each(?)) AND state <> 'pending';

-- name: settle
-- A JSON array of [seq, state, attempts, unsure, outcome, settled_at], each entry once.
-- Once unsure, an entry stays so: a later attempt does not tell what became of the earlier one.
UPDATE entry
SET state = value ->> 1, attempts = max(attempts, value ->> 2), unsure = max(unsure, value ->> 3),
    outcome = value ->> 4, settled_at = value ->> 5
FROM json_each(?)
WHERE seq = value ->> 0;

-- name: settle_decided
-- What an operator has given up meanwhile stays given up.
UPDATE entry SET attempts = ?, unsure = max(unsure, ?) WHERE seq = ?;

-- name: dead_keys
SELECT DISTINCT key FROM entry WHERE destination = ? AND state = 'dead';

-- name: first_pending
SELECT seq FROM (
    SELECT (
        SELECT seq FROM entry
        WHERE destination = ?1 AND lane = each.lane AND state = 'pending' ORDER BY seq LIMIT 1
    ) AS seq FROM (SELECT 0 AS lane UNION ALL SELECT 1 UNION ALL SELECT 2) AS each
)
WHERE seq IS NOT NULL ORDER BY seq LIMIT 1;

-- name: oldest_pending
-- When the oldest undelivered milestone of a destination was recorded.
SELECT m.recorded_at FROM entry AS e JOIN milestone AS m ON m.seq = e.milestone
WHERE e.seq IN (
    SELECT (
        SELECT seq FROM entry
        WHERE destination = ?1 AND lane = each.lane AND state = 'pending' ORDER BY seq LIMIT 1
    ) FROM (SELECT 0 AS lane UNION ALL SELECT 1 UNION ALL SELECT 2) AS each
)
ORDER BY e.seq LIMIT 1;

-- name: entries
-- For an operator: by destination and state, the oldest first.
SELECT e.seq, e.destination, e.key, m.name, e.state, e.attempts, m.occurred_at, m.recorded_at,
       e.outcome, e.settled_at
FROM entry AS e JOIN milestone AS m ON m.seq = e.milestone
WHERE (?1 IS NULL OR e.destination = ?1) AND e.state = ?2
ORDER BY e.seq LIMIT ?3;

-- name: milestones_of_key
SELECT m.seq, m.id, m.name, m.rule, m.key, m.occurred_at, m.recorded_at, m.mark, m.retracts,
       m.body
FROM milestone_key AS k JOIN milestone AS m ON m.seq = k.milestone
WHERE k.key = ? ORDER BY m.occurred_at, m.seq LIMIT ?;

-- name: milestone_by_id
SELECT m.seq, m.id, m.name, m.rule, m.key, m.occurred_at, m.recorded_at, m.mark, m.retracts,
       m.body
FROM milestone AS m WHERE m.id = ?;

-- name: evidence_of_milestone
SELECT signal FROM evidence WHERE milestone = ? ORDER BY signal;

-- name: entries_of_milestone
SELECT seq, destination, state, attempts, outcome, settled_at FROM entry
WHERE milestone = ? ORDER BY seq;

-- name: attempts_of_entry
SELECT number, started_at, ended_at, verdict, detail FROM attempt WHERE entry = ? ORDER BY number;
