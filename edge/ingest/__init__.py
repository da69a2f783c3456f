"""Ingest: what sources say, taken into the store with all that follows from it."""

from edge.ingest.intake import Ingest
from edge.ingest.judging import Judge, Route

__all__ = ["Ingest", "Judge", "Route"]
