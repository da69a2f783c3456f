"""What other rules must know to go on where those in force stand: no fact lost, none doubled.

The journal is collapsed by the new rules, in memory. Of rules that are other, their
tracks then take the place of the live ones: they are as if these rules had judged all along.
Lifecycles stay as they are, since they know what has been told. All this is prepared beside the
gateway, up to a signal; the gateway judges what came since by the new rules, in the
transaction in which they come into force.
"""

from collections import Counter
from collections.abc import Mapping

from buffer import history
from buffer.reader import Reader
from edge.config import Configuration
from edge.config.rule_set import changed_rules, rule_set_version
from edge.ingest.prepared import Prepared
from edge.milestones.content import CONTENT, PLACE
from edge.milestones.feeding import packing
from edge.milestones.keeping import from_json
from edge.milestones.model import Milestone, TrackId
from edge.milestones.reordering import owner_of
from edge.rules.rehearsal import Rehearsal


class NotSafe(Exception):
    """A fact would be lost or told twice; the message says which, and what to do."""


async def prepare(
    reader: Reader, old: Configuration, new: Configuration, heard_until: int
) -> tuple[Prepared, Counter[str]]:
    """Judge the journal by the new rules, with deadlines up to `heard_until` (ms).

    Return what is prepared, and by name how many milestones only the new rules conclude, of
    what the old ones were done with: those are not told.

    Raises:
        NotSafe: The journal does not reach back to what is open, or the new
            rules may tell a fact again under another id.
        StoreFailed: The store cannot be read.

    """
    owners = changed_rules(old, new)
    # Without lifecycles: what is concluded counts here, not what may be told.
    rehearsal = Rehearsal(new.model_copy(update={"lifecycles": {}}))
    by_new: dict[str, Milestone] = {}
    first, up_to = 0, 0
    async for rows in history.signals(reader):
        first = first or rows[0].seq
        rehearsal.replay(rows, heard_until)
        by_new |= {each.id: each for each in rehearsal.take_away()[0] if each.rule in owners}
        up_to = rows[-1].seq
    rehearsal.pass_time(heard_until)
    by_new |= {each.id: each for each in rehearsal.take_away()[0] if each.rule in owners}
    open_now = await _open_evidence(reader, old, owners & old.rules.keys())
    _reaches_back(first, open_now)
    told = await history.known(reader, map(bytes.fromhex, by_new))
    only_new = {id_: each for id_, each in by_new.items() if bytes.fromhex(id_) not in told}
    # What is held is known to both. The new rules take up the order where the journal ends for
    # them, and what comes behind it is told to them in that order.
    replaced = owners | _beside(old, new, owners)
    tracks = {track: known for track, known in rehearsal.tracks() if track.owner in replaced}
    open_then: dict[int, TrackId] = {}
    for track, known in tracks.items():
        open_then |= dict.fromkeys(rehearsal.engine.open_evidence(track, known.state), track)
    await _tells_nothing_again(reader, old, owners, open_then, by_new)
    retracted = {each.retracts for each in only_new.values() if each.retracts}
    taken_along = tuple(
        each
        for each in only_new.values()
        if each.retracts is None
        and each.id not in retracted
        and open_now.keys() & set(each.evidence)
    )
    along = {each.id for each in taken_along}
    passed_over = Counter(str(each.name) for each in only_new.values() if each.id not in along)
    before, version = rule_set_version(old), rule_set_version(new)
    return Prepared(before, version, up_to, replaced, tracks, taken_along), passed_over


def _beside(old: Configuration, new: Configuration, owners: frozenset[str]) -> frozenset[str]:
    """Return who else's tracks are replaced: what is held, and what is in what."""
    held = frozenset(map(owner_of, new.reorder))
    concerned = packing(old.rules) | packing(new.rules)
    concerned |= {name for name, rule in new.rules.items() if rule.for_content}
    return held | ({CONTENT, PLACE} if owners & concerned else frozenset())


async def _open_evidence(
    reader: Reader, old: Configuration, owners: frozenset[str]
) -> dict[int, TrackId]:
    """Return the signals from which the old rules may yet conclude something."""
    engine = Rehearsal(old).engine
    found: dict[int, TrackId] = {}
    for owner in owners:
        async for key, state in history.tracks(reader, owner):
            track = TrackId(owner, key)
            found |= dict.fromkeys(engine.open_evidence(track, state), track)
    return found


def _reaches_back(first: int, open_now: Mapping[int, TrackId]) -> None:
    beyond = {signal: track for signal, track in open_now.items() if signal < first}
    if beyond:
        signal = min(beyond)
        owner, key = beyond[signal]
        raise NotSafe(
            f"the journal begins with signal {first}, and rule {owner} still waits with signal "
            f"{signal} ({key}): the new rules would not know of it. Wait until that has ended, or "
            "keep signals for longer ([store] keep_signals_days)"
        )


async def _tells_nothing_again(
    reader: Reader,
    old: Configuration,
    owners: frozenset[str],
    open_then: Mapping[int, TrackId],
    by_new: Mapping[str, Milestone],
) -> None:
    """Refuse if the new rules still wait with what the old ones have told from."""
    told = [each for each in await history.resting_on(reader, open_then) if each.rule in owners]
    for held in await _held(reader, old):
        told += [
            history.Resting(signal, bytes.fromhex(held.id), held.name, held.rule, held.key, None)
            for signal in open_then.keys() & set(held.evidence)
            if held.rule in owners
        ]
    retracted = {each.retracts for each in told}
    for each in told:
        if each.retracts is None and each.id not in retracted and each.id.hex() not in by_new:
            owner, key = open_then[each.signal]
            raise NotSafe(
                f"{each.name} of {each.key} has been concluded, and the new rule {owner} still "
                f"waits with signal {each.signal} of it ({key}): it could be told again under "
                "another id. Try again when that has ended"
            )


async def _held(reader: Reader, old: Configuration) -> list[Milestone]:
    """Return what lifecycles hold back: it is concluded, and not told yet."""
    return [
        from_json(held)
        for lifecycle in old.lifecycles
        async for _, state in history.tracks(reader, lifecycle)
        for held in state.get("held", ())
    ]
