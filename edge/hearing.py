"""Up to when the engine's owners have heard all that their sources said."""

from collections.abc import Mapping

from edge.milestones.reordering import owner_of

AWAY_SECONDS = 60
"""How long what a source told last is held for what belongs before it, while it is away."""


def heard_by(
    owners: Mapping[str, frozenset[str]],
    until: Mapping[str, int | None],
    *,
    now: int,
    started_at: int,
) -> dict[str, int]:
    """Return up to when each owner has heard all, in their order; who cannot know is left out.

    That something has not happened is concluded only from a source that was
    listening: while one is away, what depends on it stands still. What it told
    before it went is facts, which wait for a minute only; after a start it has as
    long to come back.

    Args:
        owners: Rules, lifecycles and what is held, with the sources of each.
        until: For each source, up to when it has handed in everything; None if not known.
        now: The time by which sources are heard (ms since the Unix epoch).
        started_at: When this run began, by the same clock.

    """
    waited = now - AWAY_SECONDS * 1000
    heard: dict[str, int] = {}
    for owner, sources in owners.items():
        times = [time for source in sources if (time := until.get(source)) is not None]
        if times and len(times) == len(sources):
            heard[owner] = min(times)
        if waited >= started_at and owner in map(owner_of, sources):
            heard[owner] = max(waited, heard.get(owner, waited))
    return heard
