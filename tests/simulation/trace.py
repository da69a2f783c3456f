"""What was decided in a simulation, in order: the same seed gives the same bytes."""

from collections.abc import Callable
from hashlib import blake2b


class Trace:
    """Takes what happens; keeps its digest, and tells it to whoever wants to read along."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self.now: Callable[[], float] = lambda: 0.0
        self._tell = tell
        self._digest = blake2b(digest_size=16)

    def __call__(self, what: str, *details: object) -> None:
        """Note what happens."""
        line = f"{self.now():12.3f}  {what}  {' '.join(map(str, details))}"
        self._digest.update(line.encode())
        if self._tell is not None:
            self._tell(line)

    @property
    def digest(self) -> str:
        """Return what tells this run from any other."""
        return self._digest.hexdigest()
