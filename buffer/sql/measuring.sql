-- name: rows
SELECT 'journal' AS name, count(*) FROM journal
UNION ALL SELECT 'signal_key', count(*) FROM signal_key
UNION ALL SELECT 'quarantine', count(*) FROM quarantine
UNION ALL SELECT 'bookmark', count(*) FROM bookmark
UNION ALL SELECT 'gap', count(*) FROM gap
UNION ALL SELECT 'track', count(*) FROM track
UNION ALL SELECT 'milestone', count(*) FROM milestone
UNION ALL SELECT 'milestone_key', count(*) FROM milestone_key
UNION ALL SELECT 'evidence', count(*) FROM evidence
UNION ALL SELECT 'entry', count(*) FROM entry
UNION ALL SELECT 'attempt', count(*) FROM attempt
UNION ALL SELECT 'audit', count(*) FROM audit;

-- name: bytes
-- Bytes of each table with its indexes; dbstat adds a b-tree up where it is asked to.
SELECT s.tbl_name, sum(d.pgsize) FROM dbstat AS d JOIN sqlite_schema AS s ON s.name = d.name
WHERE d.aggregate = 1 GROUP BY s.tbl_name;

-- name: signals_recorded
SELECT (SELECT recorded_at FROM journal ORDER BY seq LIMIT 1),
       (SELECT recorded_at FROM journal ORDER BY seq DESC LIMIT 1);

-- name: backlogs
-- What is pending, by destination and lane.
SELECT destination, lane, count(*) FROM entry INDEXED BY entry_pending
WHERE state = 'pending' GROUP BY destination, lane;
