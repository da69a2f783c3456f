-- name: verdicts_beside
-- How entries of the same milestones stand at two destinations, by name of the milestone.
SELECT m.name, one.state, other.state, count(*)
FROM entry AS one
JOIN entry AS other ON other.milestone = one.milestone AND other.destination = ?2
JOIN milestone AS m ON m.seq = one.milestone
WHERE one.destination = ?1 AND m.occurred_at >= ?3
GROUP BY m.name, one.state, other.state;

-- name: differing_beside
-- Those that only one of the two has taken, and the other has rejected for good; newest first.
SELECT m.name, m.key, m.occurred_at, one.state, other.state,
       CASE WHEN one.state = 'delivered' THEN other.outcome ELSE one.outcome END
FROM entry AS one
JOIN entry AS other ON other.milestone = one.milestone AND other.destination = ?2
JOIN milestone AS m ON m.seq = one.milestone
WHERE one.destination = ?1 AND m.occurred_at >= ?3
AND (one.state = 'delivered') <> (other.state = 'delivered')
AND one.state <> 'pending' AND other.state <> 'pending'
ORDER BY one.seq DESC LIMIT ?4;
