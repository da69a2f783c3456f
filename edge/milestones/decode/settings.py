"""The `[[observations]]` of the configuration: what signals mean, in warehouse words."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from drivers.contract import Settings
from edge.milestones.decode.formats import FIELDS, FORMATS
from edge.milestones.decode.identifier import check_scheme
from edge.milestones.decode.path import FieldPath
from edge.milestones.decode.subject import check_filter, check_level
from edge.milestones.expressions import Computation
from edge.milestones.model import MILESTONE_KIND

RESERVED = frozenset(
    {
        "milestone",
        "rule",
        "rule_version",
        "mark",
        "time_from",
        "severity",
        "blocks",
        "requested_quantity",
        "since",
    }
)
"""What an event itself says of its milestone; a field of that name could not be told."""


def _filter(text: str) -> str:
    check_filter(text)
    return text


def _path(text: str) -> str:
    FieldPath(text)
    return text


def _format(name: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"no format {name!r}; there are {', '.join(sorted(FORMATS))}")
    return name


def _scheme(text: str) -> str:
    check_scheme(text)
    return text


def _kind(text: str) -> str:
    if text.startswith(MILESTONE_KIND):
        raise ValueError(f"{text!r}: rules hear of milestones under such kinds; expected another")
    return text


def _field(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"{name!r} has a meaning in every event; expected another name")
    return name


_Text = Annotated[str, StringConstraints(min_length=1)]
_Path = Annotated[str, AfterValidator(_path)]
_Scheme = Annotated[str, AfterValidator(_scheme)]
_FieldName = Annotated[
    str,
    StringConstraints(pattern="^[a-z][a-z0-9_]*$"),
    AfterValidator(_field),
]


_ADDED = frozenset({"text", "reason"})
"""Fields of what was misread: what the scanner told, and what is wrong with it."""


class ObservationSettings(Settings):
    """What the signals of a subject mean.

    A path names a place in the payload ("a.b.0.c"; "." is all of it) or a level
    of the subject ("subject/2", from 0). What a path names must be there, not
    null and not empty; otherwise the signal goes to quarantine. A "?" after the
    path says that it may be missing.
    """

    source: _Text
    """The source that says it."""
    subject: Annotated[_Text, AfterValidator(_filter)]
    """Which subjects: an MQTT filter with + and #, or a variable's name."""
    format: Annotated[str, AfterValidator(_format)] = "json"
    """How the payload is written: json; autoid, what a reader has scanned; or a vehicle's state.

    That may be read for what becomes of its actions (vda5050), or as how the
    vehicle is (vda5050_vehicle).
    """
    kind: Annotated[_Text, AfterValidator(_kind)]
    """What the observation is called in rules."""
    when: dict[_Path, bool | int | float | str] = Field(default_factory=dict)
    """The mapping concerns only signals with these values at these paths."""
    time: _Path | None = None
    """Path of the event time: ISO 8601 with an offset, or a number since 1970.

    Without it, and for a clock that was never set, the protocol's time stamp
    counts, or else the time of reception.
    """
    fields: dict[_FieldName, _Path] = Field(default_factory=dict)
    """The fields of the observation, and the path of each."""
    words: dict[_FieldName, Annotated[dict[_Text, _Text], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    """Words for the values of fields that were read: what a machine's numbers mean.

    A value that has no word stays as it is told.
    """
    compute: dict[_FieldName, Computation] = Field(default_factory=dict)
    """Fields that expressions make of those that were read; one of them may be replaced.

    None sees what another makes. What is null or empty is missing.
    """
    identifiers: dict[_FieldName, Annotated[tuple[_Scheme, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    """Fields that hold a barcode, and what it may be: sscc, gtin, grai, or a /regular expression/.

    Whatever way a scanner tells it, the field is its plain form. What is none
    of these goes to quarantine, unless `misread` or `unread` is about it.
    """
    misread: Annotated[_Text, AfterValidator(_kind)] | None = None
    """The kind of observation that a wrong check digit gives instead, with `text` and `reason`."""
    unread: Annotated[_Text, AfterValidator(_kind)] | None = None
    """The kind of observation that a text of `no_read` gives instead, with `text`."""
    no_read: tuple[str, ...] = ()
    """What the scanner tells in place of a barcode when it could read none; "": nothing at all."""

    @model_validator(mode="after")
    def _levels_exist(self) -> Self:
        for text in (*self.when, *self.fields.values(), *([self.time] if self.time else [])):
            check_level(self.subject, FieldPath(text))
        return self

    @model_validator(mode="after")
    def _words_are_of_fields(self) -> Self:
        _check_names("words", self.words, self.read_fields())
        return self

    @model_validator(mode="after")
    def _identifiers_are_fields(self) -> Self:
        _check_names("identifiers", self.identifiers, self.known_fields())
        return self

    @model_validator(mode="after")
    def _exceptions_can_be_told(self) -> Self:
        if (self.unread is None) != (not self.no_read):
            raise ValueError("`unread` is for the texts of `no_read`: set both or neither")
        kinds = [kind for kind in (self.misread, self.unread) if kind is not None]
        if kinds and not self.identifiers:
            raise ValueError("`misread` and `unread` are about `identifiers`: set them too")
        if self.kind in kinds:
            raise ValueError(f"{self.kind!r} is the kind of what was read; expected another")
        if kinds and (taken := self.known_fields() & _ADDED):
            raise ValueError(f"{min(taken)!r} is added to what was not read; rename the field")
        return self

    def tells(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield each kind of observation that it gives, with the fields that one can have."""
        yield self.kind, self.known_fields()
        others = self.known_fields()
        if len(self.identifiers) == 1:
            others -= self.identifiers.keys()
        if self.misread is not None:
            yield self.misread, others | _ADDED
        if self.unread is not None:
            yield self.unread, others | {"text"}

    def read_fields(self) -> frozenset[str]:
        """Return the fields that it reads of a signal: what expressions can see."""
        return FIELDS[self.format] | self.fields.keys()

    def known_fields(self) -> frozenset[str]:
        """Return the fields that the observation can have."""
        return self.read_fields() | self.compute.keys()


def _check_names(setting: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            fields = ", ".join(sorted(known)) or "none"
            raise ValueError(f"{setting}: no field {name!r}; fields are {fields}")


def sources_of(observations: Iterable[ObservationSettings]) -> Mapping[str, frozenset[str]]:
    """Return each kind of observation with the sources that it can come from."""
    sources: dict[str, set[str]] = {}
    for observation in observations:
        for kind, _ in observation.tells():
            sources.setdefault(kind, set()).add(observation.source)
    return {kind: frozenset(names) for kind, names in sources.items()}


def fields_of(observations: Iterable[ObservationSettings]) -> Mapping[str, frozenset[str]]:
    """Return each kind of observation with the fields that it can have."""
    fields: dict[str, set[str]] = {}
    for observation in observations:
        for kind, known in observation.tells():
            fields.setdefault(kind, set()).update(known)
    return {kind: frozenset(names) for kind, names in fields.items()}
