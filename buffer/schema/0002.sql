-- Lanes, evidence as rows, what an operator decided, and whether the last stop was a clean one.

-- The lane of an entry: 0 critical, 1 normal, 2 bulk.
ALTER TABLE entry ADD COLUMN lane INTEGER NOT NULL DEFAULT 1;
DROP INDEX entry_pending;
DROP INDEX entry_parked;
ALTER TABLE entry DROP COLUMN parked;
CREATE INDEX entry_pending ON entry (destination, lane, seq) WHERE state = 'pending';
CREATE INDEX entry_dead_seq ON entry (seq) WHERE state = 'dead';
CREATE INDEX entry_discarded_seq ON entry (seq) WHERE state = 'discarded';

-- Which signals a milestone was concluded from. The journal is pruned around them.
CREATE TABLE evidence (
    signal    INTEGER NOT NULL,
    milestone INTEGER NOT NULL,
    PRIMARY KEY (signal, milestone)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_milestone ON evidence (milestone);
INSERT OR IGNORE INTO evidence (signal, milestone)
SELECT each.value, m.seq FROM milestone AS m, json_each(CAST(m.evidence AS TEXT)) AS each;
ALTER TABLE milestone DROP COLUMN evidence;

CREATE INDEX signal_key_signal ON signal_key (signal);
CREATE INDEX milestone_key_milestone ON milestone_key (milestone);

-- When a track last changed: one that nothing has touched for long is pruned.
ALTER TABLE track ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
UPDATE track SET changed_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000;

ALTER TABLE quarantine ADD COLUMN state TEXT NOT NULL DEFAULT 'open'
    CHECK (state IN ('open', 'judged', 'discarded'));
ALTER TABLE quarantine ADD COLUMN decided_at INTEGER;
ALTER TABLE quarantine ADD COLUMN decision TEXT;  -- what came of judging again, or why discarded
CREATE INDEX quarantine_open ON quarantine (seq) WHERE state = 'open';

-- When the daemon last stopped in order; NULL while it runs, and after a crash.
ALTER TABLE heartbeat ADD COLUMN stopped_at INTEGER;

-- What operators did. Each row's hash covers the row and the hash before it.
CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    who      TEXT NOT NULL,
    act      TEXT NOT NULL,
    detail   TEXT NOT NULL,  -- JSON
    previous BLOB NOT NULL,
    hash     BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_keeps_what_it_has BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_forgets_nothing BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
