-- Which rules were in force from which signal on, and the configuration that they stood in.

CREATE TABLE rule_set (
    seq           INTEGER PRIMARY KEY,
    version       TEXT NOT NULL,
    first_signal  INTEGER NOT NULL,  -- signals from this sequence on are judged by it
    adopted_at    INTEGER NOT NULL,
    how           TEXT NOT NULL CHECK (how IN ('start', 'reload', 'cutover', 'rollback')),
    configuration TEXT NOT NULL      -- the file, as it was
) STRICT;
