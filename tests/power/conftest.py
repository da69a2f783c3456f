"""What the proofs by power cuts share."""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from simulators import volume


def require_loop_devices() -> None:
    """Skip the test, visibly, where file systems cannot be mounted."""
    if lack := volume.lacks():
        pytest.skip(f"needs {lack}")


@pytest.fixture
def draw() -> random.Random:
    """Return what decides where the power is cut; the seed is shown if the test fails."""
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    return random.Random(seed)


@pytest.fixture
def memory() -> Iterator[Path]:
    """Return a directory where syncs cost nothing: what is looked at there is cut already."""
    place = Path("/dev/shm")
    with TemporaryDirectory(dir=place if os.access(place, os.W_OK) else None) as directory:
        yield Path(directory)
