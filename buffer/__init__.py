"""The SQLite store: journal, tracks, outbox and quarantine behind one writer."""
