"""Being another account for a while: files that root may open tell nothing of those it may not."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SOMEBODY = 65_534
"""An account that owns nothing here ("nobody")."""

takes_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to be somebody else")


@contextmanager
def somebody() -> Iterator[None]:
    """Have this process be somebody who is not root; access(2) goes by the real account, too."""
    os.setresuid(SOMEBODY, SOMEBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@contextmanager
def directory_of_somebody() -> Iterator[Path]:
    """Make a directory that is theirs, and that they get to: pytest's own are root's alone."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, SOMEBODY, SOMEBODY)
        yield Path(name)
