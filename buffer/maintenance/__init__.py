"""Keeping the store small and whole: pruning, space given back, backup, check, recovery."""
