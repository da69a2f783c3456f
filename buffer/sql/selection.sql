-- name: pending_behind
SELECT seq FROM entry
WHERE destination = ? AND lane = ? AND state = 'pending' AND seq > ? ORDER BY seq LIMIT ?;

-- name: dead_behind
SELECT seq FROM entry WHERE state = 'dead' AND seq > ? ORDER BY seq LIMIT ?;

-- name: discarded_behind
SELECT seq FROM entry WHERE state = 'discarded' AND seq > ? ORDER BY seq LIMIT ?;

-- name: entries_behind
SELECT seq FROM entry WHERE seq > ? ORDER BY seq LIMIT ?;

-- name: milestones_between
-- By id, which begins with the time that they happened.
SELECT id, seq FROM milestone WHERE id > ? AND id < ? ORDER BY id LIMIT ?;

-- name: milestones_telling
-- Milestones that tell of a key, behind a sequence.
SELECT milestone FROM milestone_key WHERE key = ? AND milestone > ? ORDER BY milestone LIMIT ?;

-- name: milestone_with_id
SELECT seq FROM milestone WHERE id = ?;

-- name: entries_of_milestones
SELECT e.seq FROM json_each(?) AS each CROSS JOIN entry AS e ON e.milestone = each.value;

-- name: chosen
-- Of the entries given by number, those that meet all criteria, in the order given.
SELECT e.seq, e.destination, e.key, m.name, e.state, e.attempts, m.occurred_at, m.recorded_at,
       e.outcome, e.settled_at
FROM json_each(:numbers) AS each
CROSS JOIN entry AS e ON e.seq = each.value
CROSS JOIN milestone AS m ON m.seq = e.milestone
WHERE (:destination IS NULL OR e.destination = :destination)
  AND (:any_state OR e.state IN (SELECT value FROM json_each(:states)))
  AND (:milestone IS NULL OR m.id = :milestone)
  AND (:any_key OR EXISTS (
      SELECT 1 FROM milestone_key AS k
      WHERE k.milestone = m.seq AND k.key IN (SELECT value FROM json_each(:keys))
  ))
  AND (:name IS NULL OR m.name = :name)
  AND (:since IS NULL OR m.occurred_at >= :since)
  AND (:until IS NULL OR m.occurred_at < :until);

-- name: overtaken
-- Of the entries given by number, those behind which a newer one of their key was delivered.
SELECT e.seq FROM json_each(?) AS each CROSS JOIN entry AS e ON e.seq = each.value
WHERE EXISTS (
    SELECT 1 FROM milestone_key AS k
    CROSS JOIN entry AS newer ON newer.milestone = k.milestone
    WHERE k.key = e.key AND k.milestone > e.milestone
      AND newer.destination = e.destination AND newer.key = e.key AND newer.state = 'delivered'
);

-- name: whole
-- Entries given by number, with everything needed to deliver them from another store.
SELECT e.seq, e.destination, e.state, e.attempts, e.outcome,
       m.id, m.name, m.rule, m.key, m.occurred_at, m.recorded_at, m.mark, m.retracts, m.body,
       (SELECT json_group_array(k.key) FROM milestone_key AS k WHERE k.milestone = m.seq)
FROM json_each(?) AS each
CROSS JOIN entry AS e ON e.seq = each.value
CROSS JOIN milestone AS m ON m.seq = e.milestone;
