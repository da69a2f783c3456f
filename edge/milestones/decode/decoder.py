"""From signals to observations, by the mappings of the configuration."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from drivers.contract import Signal
from edge.milestones.decode.formats import FORMATS
from edge.milestones.decode.identifier import normal_form
from edge.milestones.decode.part import Format, Malformed, Misread, Part, scalar
from edge.milestones.decode.path import FieldPath
from edge.milestones.decode.settings import ObservationSettings
from edge.milestones.decode.subject import matches
from edge.milestones.decode.times import milliseconds, occurred_at
from edge.milestones.expressions import NoResult
from edge.milestones.fields import text
from edge.milestones.model import Observation, TimeFrom, Value

_REMEMBERED_SUBJECTS = 4096
_FAULTS_SHOWN = 3
_MOST_PARTS = 1000
"""A payload that tells of more is garbage; a megabyte of it would keep the engine for a minute."""


_Observed = tuple[str, int, TimeFrom | None, dict[str, Value]]
"""The kind, when it happened and by whose clock, and the fields."""


class _Mapping:
    """One of the `[[observations]]`, made ready for use."""

    __slots__ = (
        "blank",
        "computed",
        "fields",
        "identifiers",
        "kind",
        "misread",
        "no_read",
        "subject",
        "time",
        "unread",
        "when",
        "words",
    )

    def __init__(self, settings: ObservationSettings) -> None:
        self.kind = settings.kind
        self.subject = settings.subject.split("/")
        self.when = [(FieldPath(path), literal) for path, literal in settings.when.items()]
        self.time = FieldPath(settings.time) if settings.time else None
        self.fields = [
            (name, FieldPath(path), f"{settings.kind}: {name}")
            for name, path in settings.fields.items()
        ]
        self.words = settings.words
        self.computed = [
            (name, computation, f"{settings.kind}: {name}")
            for name, computation in settings.compute.items()
        ]
        self.identifiers = [
            (name, normal_form(schemes), f"{settings.kind}: {name}")
            for name, schemes in settings.identifiers.items()
        ]
        self.misread, self.unread = settings.misread, settings.unread
        self.no_read = frozenset(settings.no_read)
        # Where nothing at all stands for a barcode that was not read, it need not be there.
        self.blank = settings.identifiers.keys() if "" in self.no_read else frozenset()

    def observe(self, part: Part, levels: Sequence[str], signal: Signal) -> _Observed | None:
        """Return what is observed; None if the mapping does not concern it."""
        if not self.concerns(part, levels):
            return None
        at, whose = occurred_at(self.stated_time(part, levels), signal)
        kind, fields = self.read(part, levels)
        return kind, at, whose, fields

    def concerns(self, part: Part, levels: Sequence[str]) -> bool:
        for path, literal in self.when:
            found = path.find(part.document, levels)
            if found is None and not path.optional:
                raise _nothing_at(path, f"{self.kind}: when")
            # In Python, True equals 1; in a payload they are different words.
            if found != literal or isinstance(found, bool) != isinstance(literal, bool):
                return False
        return True

    def stated_time(self, part: Part, levels: Sequence[str]) -> int | None:
        if self.time is None:
            return part.occurred_at
        where = f"{self.kind}: time"
        found = self.time.find(part.document, levels)
        if found is not None and found != "":
            return milliseconds(found, where)
        if self.time.optional:
            return None
        raise _nothing_at(self.time, where)

    def read(self, part: Part, levels: Sequence[str]) -> tuple[str, dict[str, Value]]:
        """Return the kind of observation that it is, and its fields."""
        fields = dict(part.fields)
        for name, path, where in self.fields:
            found = path.find(part.document, levels)
            if found is not None and found != "":
                fields[name] = scalar(found, where)
            elif name in self.blank:
                continue
            elif path.optional:
                fields.pop(name, None)
            else:
                raise _nothing_at(path, where)
        for name, words in self.words.items():
            if (value := fields.get(name)) is not None:
                fields[name] = words.get(text(value), value)
        if self.computed:
            fields = self._compute(fields)
        return self._identified(fields)

    def _identified(self, fields: dict[str, Value]) -> tuple[str, dict[str, Value]]:
        """Bring barcodes to their form; what was not read right is another kind of observation."""
        wrong: list[tuple[str, dict[str, Value]]] = []
        for name, normalise, where in self.identifiers:
            value = fields.pop(name, None)
            told = "" if value is None else text(value)
            if self.unread is not None and told.strip() in self.no_read:
                wrong.append((self.unread, {"text": told}))
            elif told:
                try:
                    fields[name] = normalise(told, where)
                except Misread as why:
                    if self.misread is None:
                        raise
                    wrong.append((self.misread, {"text": told, "reason": str(why)}))
        if not wrong:
            return self.kind, fields
        kind, added = wrong[0]
        return kind, fields | added

    def _compute(self, read: Mapping[str, Value]) -> dict[str, Value]:
        fields = dict(read)
        for name, computation, where in self.computed:
            try:
                value = computation.of(read)
            except NoResult as why:
                raise Malformed(f"{where}: {why}") from None
            if value is None or value == "":
                fields.pop(name, None)
            else:
                fields[name] = scalar(value, where)
        return fields


def _nothing_at(path: FieldPath, where: str) -> Malformed:
    return Malformed(
        f"{where}: nothing at {path.text!r}; expected a value "
        f"(write {path.text + '?'!r} in the configuration if it may be missing)",
    )


class _Route(NamedTuple):
    """What concerns one subject of one source."""

    levels: Sequence[str]
    readings: Sequence[tuple[Format, Sequence[_Mapping]]]


class Decoder:
    """Turns signals into observations, as the configuration says what they mean."""

    def __init__(self, observations: Sequence[ObservationSettings]) -> None:
        self._mappings: dict[str, list[tuple[str, _Mapping]]] = {}
        for settings in observations:
            mapping = (settings.format, _Mapping(settings))
            self._mappings.setdefault(settings.source, []).append(mapping)
        self._route = lru_cache(maxsize=_REMEMBERED_SUBJECTS)(self._find_route)

    def decode(self, sequence: int, source: str, signal: Signal) -> list[Observation]:
        """Return what the signal tells: nothing, if no mapping concerns it.

        `sequence` is the signal's number in the journal. A payload is read once
        for each format that its mappings name, and not at all if there is none.

        Raises:
            Malformed: The payload, or one of the things that it tells, is not what a
                mapping says; it has the observations of the others. Or the source
                marks its value as bad, so that it is evidence of nothing.

        """
        route = self._route(source, signal.subject)
        if not route.readings:
            return []
        if not signal.good:
            raise Malformed("the source marks its value as bad")
        observations: list[Observation] = []
        faults: dict[str, None] = {}
        for told in _told(route, signal):
            if isinstance(told, Malformed):
                faults[str(told)] = None
            else:
                kind, at, whose, fields = told
                lag = signal.received_at - at
                observations.append(
                    Observation(sequence, source, kind, at, fields, lag, time_from=whose)
                )
        if faults:
            raise Malformed(_in_short([*faults]), observations)
        return observations

    def _find_route(self, source: str, subject: str) -> _Route:
        levels = subject.split("/")
        readings: dict[str, list[_Mapping]] = {}
        for name, mapping in self._mappings.get(source, ()):
            if matches(mapping.subject, levels):
                readings.setdefault(name, []).append(mapping)
        return _Route(levels, [(FORMATS[name], mappings) for name, mappings in readings.items()])


def _told(route: _Route, signal: Signal) -> Iterator[_Observed | Malformed]:
    """Yield what a signal tells and what is wrong with it, one after the other."""
    for read, mappings in route.readings:
        try:
            parts = [*islice(read(signal.payload), _MOST_PARTS + 1)]
        except Malformed as fault:
            yield fault
            continue
        if len(parts) > _MOST_PARTS:
            yield Malformed(f"tells more than {_MOST_PARTS} things at once")
            continue
        for part in parts:
            if isinstance(part, Malformed):
                yield part
                continue
            for mapping in mappings:
                try:
                    observed = mapping.observe(part, route.levels, signal)
                except Malformed as fault:
                    yield fault
                else:
                    if observed is not None:
                        yield observed


def _in_short(faults: Sequence[str]) -> str:
    more = len(faults) - _FAULTS_SHOWN
    return "; ".join([*faults[:_FAULTS_SHOWN], *([f"and {more} more"] if more > 0 else [])])
