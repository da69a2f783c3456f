-- name: counted
-- What the tallies have to say, counted anew.
SELECT 'signals' AS name, count(*) AS n FROM journal
UNION ALL SELECT 'quarantined', count(*) FROM quarantine WHERE state = 'open'
UNION ALL SELECT 'gaps', count(*) FROM gap
UNION ALL SELECT 'milestones/' || name, count(*) FROM milestone GROUP BY name
UNION ALL SELECT 'entries/' || destination || '/' || state, count(*)
FROM entry GROUP BY destination, state;

-- name: without_what_they_belong_to
-- How many rows of each kind stand alone.
SELECT 'entries without their milestone', count(*) FROM entry
WHERE milestone NOT IN (SELECT seq FROM milestone)
UNION ALL SELECT 'attempts without their entry', count(*) FROM attempt
WHERE entry NOT IN (SELECT seq FROM entry)
UNION ALL SELECT 'keys without their milestone', count(*) FROM milestone_key
WHERE milestone NOT IN (SELECT seq FROM milestone)
UNION ALL SELECT 'pieces of evidence without their milestone', count(*) FROM evidence
WHERE milestone NOT IN (SELECT seq FROM milestone)
UNION ALL SELECT 'keys without their signal', count(*) FROM signal_key
WHERE signal NOT IN (SELECT seq FROM journal)
UNION ALL SELECT 'rows of the quarantine without their signal', count(*) FROM quarantine
WHERE signal NOT IN (SELECT seq FROM journal);
