"""The `milepost` command."""

from edge.cli.app import main

__all__ = ["main"]
