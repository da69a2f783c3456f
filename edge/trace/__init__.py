"""Explaining: the whole story of an order, a unit or a milestone (promise 5)."""

from edge.trace.record import record
from edge.trace.story import Story, tell
from edge.trace.words import write

__all__ = ["Story", "record", "tell", "write"]
