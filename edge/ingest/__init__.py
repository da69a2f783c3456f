"""Ingest: what sources say, taken into the store with all that follows from it."""

from edge.ingest.conclusions import Route
from edge.ingest.intake import Ingest
from edge.ingest.judging import Judge
from edge.ingest.rules_in_force import RulesInForce

__all__ = ["Ingest", "Judge", "Route", "RulesInForce"]
