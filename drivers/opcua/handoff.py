"""What the parts of the source share: the way to the intake, and how far each has heard."""

import asyncio

from drivers.contract import Batch, Intake, Link

_LAST_COMMIT_SECONDS = 2.0


class Handoff:
    """Hands in batches and keeps the link's `heard_until` at the slowest part."""

    def __init__(self, intake: Intake, link: Link) -> None:
        self.link = link
        self._intake = intake
        self._until: dict[str, int | None] = {}

    def expect(self, part: str) -> None:
        """Count in a part: without word from it, nothing counts as heard."""
        self._until[part] = None

    def heard(self, part: str, until: int) -> None:
        """Say that all that `part` said up to `until` is committed."""
        self._until[part] = until
        now = self.link.clock()
        # As in the link: a time still to come was told before the clock was set back.
        self._until = {
            each: None if time is None or time > now else time for each, time in self._until.items()
        }
        known = [time for time in self._until.values() if time is not None]
        if len(known) == len(self._until):
            self.link.heard(min(known))

    async def commit(self, batch: Batch) -> None:
        """Commit the batch. When cancelled, give the commit under way a moment to end."""
        commit = asyncio.ensure_future(self._intake.commit(batch))
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            try:
                await asyncio.wait({commit}, timeout=_LAST_COMMIT_SECONDS)
            finally:  # also when cancelled again: a commit must not go on, or fail, behind our back
                commit.cancel()
                await asyncio.gather(commit, return_exceptions=True)
            raise
