-- Lanes, evidence as rows, what an operator decided, and whether the last stop was a clean one.

-- Sequences are never used again, also when the rows that had them are pruned: AUTOINCREMENT.
-- The tables are copied rather than altered: changing each row in place would need memory for all.

-- Which signals a milestone was concluded from. The journal is pruned around them.
CREATE TABLE evidence (
    signal    INTEGER NOT NULL,
    milestone INTEGER NOT NULL,
    PRIMARY KEY (signal, milestone)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO evidence (signal, milestone)
SELECT each.value, m.seq
FROM milestone AS m, json_each(CAST(m.evidence AS TEXT)) AS each;
CREATE INDEX evidence_milestone ON evidence (milestone);

CREATE TABLE new_milestone (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          BLOB NOT NULL,
    name        TEXT NOT NULL,
    rule        TEXT NOT NULL,
    key         TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    mark        TEXT NOT NULL,
    retracts    BLOB,
    body        BLOB NOT NULL   -- the event as every destination gets it
) STRICT;
INSERT INTO new_milestone
SELECT seq, id, name, rule, key, occurred_at, recorded_at, mark, retracts, body FROM milestone;
DROP TABLE milestone;
ALTER TABLE new_milestone RENAME TO milestone;
-- Ids begin with occurred_at, so inserts stay near the right edge of the index.
CREATE UNIQUE INDEX milestone_id ON milestone (id);

CREATE TABLE new_entry (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    destination TEXT NOT NULL,
    milestone   INTEGER NOT NULL,
    key         TEXT NOT NULL,
    lane        INTEGER NOT NULL,            -- 0 critical, 1 normal, 2 bulk
    state       TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'discarded')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    unsure      INTEGER NOT NULL DEFAULT 0,  -- the outcome of an attempt is unknown
    outcome     TEXT,                        -- receipt or reason of the last attempt
    settled_at  INTEGER
) STRICT;
INSERT INTO new_entry
SELECT seq, destination, milestone, key, 1, state, attempts, unsure, outcome, settled_at FROM entry;
DROP TABLE entry;
ALTER TABLE new_entry RENAME TO entry;
CREATE INDEX entry_pending ON entry (destination, lane, seq) WHERE state = 'pending';
CREATE INDEX entry_dead ON entry (destination, key) WHERE state = 'dead';
CREATE INDEX entry_dead_seq ON entry (seq) WHERE state = 'dead';
CREATE INDEX entry_discarded_seq ON entry (seq) WHERE state = 'discarded';
CREATE INDEX entry_milestone ON entry (milestone);

CREATE TABLE new_gap (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    source     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    noticed_at INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    missed     INTEGER
) STRICT;
INSERT INTO new_gap SELECT seq, source, subject, noticed_at, reason, missed FROM gap;
DROP TABLE gap;
ALTER TABLE new_gap RENAME TO gap;

CREATE INDEX signal_key_signal ON signal_key (signal);
CREATE INDEX milestone_key_milestone ON milestone_key (milestone);

-- When a track last changed: one that nothing has touched for long is pruned.
CREATE TABLE new_track (
    owner      TEXT NOT NULL,
    key        TEXT NOT NULL,
    state      BLOB NOT NULL,
    due_at     INTEGER,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
INSERT INTO new_track
SELECT owner, key, state, due_at, CAST(strftime('%s', 'now') AS INTEGER) * 1000 FROM track;
DROP TABLE track;
ALTER TABLE new_track RENAME TO track;
CREATE INDEX track_due ON track (owner, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE new_quarantine (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    signal      INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    state       TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'judged', 'discarded')),
    decided_at  INTEGER,
    decision    TEXT  -- what came of judging again, or why discarded
) STRICT;
INSERT INTO new_quarantine (seq, signal, reason, recorded_at)
SELECT seq, signal, reason, recorded_at FROM quarantine;
DROP TABLE quarantine;
ALTER TABLE new_quarantine RENAME TO quarantine;
CREATE INDEX quarantine_signal ON quarantine (signal);
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
