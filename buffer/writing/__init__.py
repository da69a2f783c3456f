"""Writing: what waits, what may share a transaction, and the room that is left."""
