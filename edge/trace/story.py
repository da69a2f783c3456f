"""Collecting a story from the store: raw signals, milestones, attempts, answers."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from buffer.journal import SignalRow
from buffer.reader import Reader, StoryAttempt, StoryEntry, StoryMilestone
from edge.milestones.decode import Malformed
from edge.milestones.decode.identifier import normal_form
from edge.milestones.event_hash import Unhashable, event_hash
from edge.milestones.model import KEY_FIELDS

LIMIT = 1000
"""Milestones and signals of one key that are told."""
_ID_DIGITS = 32
_sscc = normal_form(["sscc"])


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a milestone at one destination."""

    entry: StoryEntry
    attempts: tuple[StoryAttempt, ...]
    is_behind_dead_letter: bool
    """It is pending, and a dead letter of the same key stands before it."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One milestone: what it was concluded from, and who was told."""

    milestone: StoryMilestone
    evidence: tuple[SignalRow, ...]
    forgotten: int
    """Signals of the evidence that the journal no longer keeps."""
    deliveries: tuple[Delivered, ...]

    @property
    def hash(self) -> str | None:
        """The Event Hash ID of its event; None if it has none.

        Milepost writes no such event, but one may have been imported.
        """
        try:
            return event_hash(self.milestone.body)
        except Unhashable:
            return None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is known of a key."""

    key: str
    chapters: tuple[Chapter, ...]
    loose: tuple[SignalRow, ...]
    """Signals that tell of the key, but led to none of these milestones."""
    refused: dict[int, str]
    """Why signals are in quarantine, by sequence."""


async def tell(reader: Reader, name: str, kinds: Iterable[str] = ()) -> Story | None:
    """Return the story of a milestone's id, of a key, or of what has a bare name; None if unknown.

    A bare name is that of an order, a unit, a trailer, or of one of the other `kinds` that
    milestones of the site are about. A unit may be named by its SSCC in whatever form scanners
    tell it.
    """
    if len(name) == _ID_DIGITS and set(name) <= set("0123456789abcdef"):
        milestone = await reader.milestone_by_id(bytes.fromhex(name))
        if milestone is not None:
            return await _story(reader, name, [milestone], [])
    for key in _keys(name, kinds):
        milestones = await reader.milestones_of_key(key, LIMIT)
        signals = await reader.signals_of_key(key, LIMIT)
        if milestones or signals:
            return await _story(reader, key, milestones, signals)
    return None


def _keys(name: str, kinds: Iterable[str]) -> Iterator[str]:
    """Yield the keys that may be meant by a name."""
    if ":" in name:
        yield name
    else:
        yield from (f"{kind}:{name}" for kind in dict.fromkeys((*KEY_FIELDS, *kinds)))
    with suppress(Malformed):
        yield f"unit:{_sscc(name, 'name')}"


async def _story(
    reader: Reader, key: str, milestones: list[StoryMilestone], mentioned: list[int]
) -> Story:
    chapters = tuple([await _chapter(reader, milestone) for milestone in milestones])
    told = {signal.seq for chapter in chapters for signal in chapter.evidence}
    loose = await reader.signals([seq for seq in mentioned if seq not in told])
    refused = await reader.quarantined(sorted(told | {signal.seq for signal in loose}))
    return Story(key, chapters, tuple(loose), refused)


async def _chapter(reader: Reader, milestone: StoryMilestone) -> Chapter:
    sequences = await reader.evidence_of(milestone.seq)
    evidence = await reader.signals(sequences)
    deliveries = []
    for entry in await reader.entries_of(milestone.seq):
        is_behind = entry.state == "pending" and milestone.key in await reader.dead_keys(
            entry.destination
        )
        attempts = tuple(await reader.attempts_of(entry.seq))
        deliveries.append(Delivered(entry, attempts, is_behind))
    return Chapter(milestone, tuple(evidence), len(sequences) - len(evidence), tuple(deliveries))
