-- Times are milliseconds since the Unix epoch, UTC. Sequences are given by the
-- one writer, ascend with the commits and are never used again.

CREATE TABLE journal (
    seq         INTEGER PRIMARY KEY,
    source      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    payload     BLOB NOT NULL,
    source_at   INTEGER,
    received_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    good        INTEGER NOT NULL
) STRICT;

CREATE TABLE bookmark (
    source TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  BLOB NOT NULL,
    PRIMARY KEY (source, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE gap (
    seq        INTEGER PRIMARY KEY,
    source     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    noticed_at INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    missed     INTEGER
) STRICT;

CREATE TABLE quarantine (
    seq         INTEGER PRIMARY KEY,
    signal      INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;
CREATE INDEX quarantine_signal ON quarantine (signal);

CREATE TABLE track (
    owner  TEXT NOT NULL,
    key    TEXT NOT NULL,
    state  BLOB NOT NULL,
    due_at INTEGER,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX track_due ON track (owner, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE milestone (
    seq         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL,
    name        TEXT NOT NULL,
    rule        TEXT NOT NULL,
    key         TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    mark        TEXT NOT NULL,
    retracts    BLOB,
    evidence    BLOB NOT NULL,  -- JSON: journal sequences
    body        BLOB NOT NULL   -- the event as every destination gets it
) STRICT;
-- Ids begin with occurred_at, so inserts stay near the right edge of the index.
CREATE UNIQUE INDEX milestone_id ON milestone (id);

-- Which signals and which milestones tell of which unit, order or trailer.
CREATE TABLE signal_key (
    key    TEXT NOT NULL,
    signal INTEGER NOT NULL,
    PRIMARY KEY (key, signal)
) STRICT, WITHOUT ROWID;
CREATE TABLE milestone_key (
    key       TEXT NOT NULL,
    milestone INTEGER NOT NULL,
    PRIMARY KEY (key, milestone)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
    seq         INTEGER PRIMARY KEY,
    destination TEXT NOT NULL,
    milestone   INTEGER NOT NULL,
    key         TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'discarded')),
    parked      INTEGER NOT NULL DEFAULT 0,  -- pending, but its key is held back
    attempts    INTEGER NOT NULL DEFAULT 0,
    unsure      INTEGER NOT NULL DEFAULT 0,  -- the outcome of an attempt is unknown
    outcome     TEXT,                        -- receipt or reason of the last attempt
    settled_at  INTEGER
) STRICT;
CREATE INDEX entry_pending ON entry (destination, seq) WHERE state = 'pending';
CREATE INDEX entry_parked ON entry (destination, key, seq) WHERE parked = 1;
CREATE INDEX entry_dead ON entry (destination, key) WHERE state = 'dead';
CREATE INDEX entry_milestone ON entry (milestone);

CREATE TABLE attempt (
    entry      INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    verdict    TEXT NOT NULL CHECK (verdict IN ('accepted', 'rejected', 'retry', 'unknown')),
    detail     TEXT NOT NULL,
    PRIMARY KEY (entry, number)
) STRICT, WITHOUT ROWID;

-- Counts that would otherwise need a scan; kept in the transactions they count.
CREATE TABLE tally (
    name TEXT PRIMARY KEY,
    n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE heartbeat (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    started_at INTEGER NOT NULL,
    alive_at   INTEGER NOT NULL
) STRICT;
