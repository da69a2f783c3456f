"""The daemon's local interface: health and the operator's decisions, over a Unix socket."""

NO_DEAD_LETTER = "this entry is no dead letter; see `milepost outbox --state dead`"
"""The answer to a decision about another entry, with the daemon and without it."""
