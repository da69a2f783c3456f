"""Delivery: each milestone to each destination it is owed to, in order per key."""
