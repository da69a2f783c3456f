"""Settings of rules and lifecycles, as they stand in the configuration file.

What each operator does with them is written in docs/rules.md.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from drivers.contract import Settings
from edge.milestones.model import Name

FieldName = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=366 * 86_400)]
Wait = Annotated[float, Field(ge=0, le=86_400)]
Place = tuple[str | int, ...]
"""Where something stands: the keys and positions that lead there."""


class Pattern(Settings):
    """Which observations are meant: a kind, and what their fields must say."""

    kind: Annotated[str, Field(min_length=1)]
    where: Mapping[FieldName, str | bool | int | float] = {}
    """Field to text or glob (`*`, `?`, `[…]`), compared with the field's text, case and all."""


class _Rule(Settings):
    milestone: Name
    """What is concluded."""
    about: FieldName
    """The field that says whose milestone it is: "unit" makes keys like "unit:340…"."""
    remember_days: Annotated[float, Field(gt=0, le=3660)] = 30
    """How long repeats of what was concluded are still recognised."""


class OneRule(_Rule):
    """One observation is a fact."""

    operator: Literal["one"]
    of: Pattern
    occurrence: tuple[FieldName, ...] = ()
    """Fields that tell two facts about one key apart; without them there is only one."""


class TransitionRule(_Rule):
    """A level that is told again and again; reaching one of its values is a fact."""

    operator: Literal["transition"]
    of: Pattern
    level: FieldName
    """The field that carries the level's value."""
    level_of: Annotated[tuple[FieldName, ...], Field(min_length=1)]
    """The fields that together say which level it is; each level makes at most one fact."""
    to: Annotated[tuple[str | bool | int | float, ...], Field(min_length=1)]
    """Values that make the fact."""


class JoinRule(_Rule):
    """Several observations about one key, close to each other in time, are a fact."""

    operator: Literal["join"]
    of: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    """One observation of each is needed. Where two carry the same field, the first pattern wins."""
    optional: tuple[Pattern, ...] = ()
    """What is told, too, if it is there: the fact waits for it, but not beyond the time."""
    within_seconds: Seconds
    """How far apart the earliest and the latest of them may have happened."""
    wait_seconds: Wait = 2
    """How much longer incomplete evidence is kept, for devices that tell late."""

    @model_validator(mode="after")
    def _joins_two(self) -> Self:
        if len(self.of) + len(self.optional) == 1:
            raise ValueError("a join is of two or more: add to `of`, or use the operator `one`")
        return self


class GatherRule(_Rule):
    """Members are counted until they are as many as needed, or until something closes the count."""

    operator: Literal["gather"]
    of: Pattern
    """The members."""
    by: tuple[FieldName, ...] = ()
    """Fields that, with `about`, say which count a member belongs to: the line of an order."""
    distinct: FieldName
    """A member counts once for each value of this field."""
    quantity: FieldName | None = None
    """The field that says how much a member counts; without it each counts 1."""
    until: FieldName | None = None
    """The field that says how much is requested; reaching it completes the count at once."""
    closed_by: Pattern | None = None
    """What ends the count."""
    total: FieldName | None = None
    """The closing's field that says how much there is; what is missing is waited for."""
    partial: Name | None = None
    """What is concluded when the count ends below `until`."""
    children: FieldName | None = None
    """The members' field whose values the milestone lists."""
    each: FieldName | None = None
    """One milestone for each member, about this field of it, instead of one for the whole."""
    within_seconds: Seconds
    """How long after its first member a count that nothing closes is given up."""
    wait_seconds: Wait = 5
    """How long after the closing missing members are waited for."""

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.until is None and self.closed_by is None:
            raise ValueError("a gather needs an end: set `until`, `closed_by` or both")
        if self.total is not None and self.closed_by is None:
            raise ValueError("`total` is a field of the closing: set `closed_by` too")
        if self.partial is not None and self.until is None:
            raise ValueError("`partial` is less than requested: set `until` too")
        if self.partial is self.milestone:
            raise ValueError(f"`partial` and `milestone` are both {self.milestone!r}")
        return self

    @model_validator(mode="after")
    def _each_has_a_closing(self) -> Self:
        if self.each is not None:
            if self.closed_by is None:
                raise ValueError("`each` concludes at the closing: set `closed_by` too")
            for name in ("until", "children"):
                if getattr(self, name) is not None:
                    raise ValueError(f"`each` and `{name}` exclude each other")
        return self


class AbsenceRule(_Rule):
    """Something that should have followed did not: that is a fact."""

    operator: Literal["absence"]
    after: Pattern
    """What starts the time."""
    expect: Pattern
    """What must have happened, about the same key, before the time is over."""
    within_seconds: Seconds
    wait_seconds: Wait = 2
    """How much longer to listen before concluding, for devices that tell late."""


Rule = Annotated[
    OneRule | TransitionRule | JoinRule | GatherRule | AbsenceRule, Field(discriminator="operator")
]


class Lifecycle(Settings):
    """The order in which the milestones of one key are legal."""

    stages: Annotated[tuple[Name, ...], Field(min_length=1)]
    ends: tuple[Name, ...] = ()
    """Milestones that may follow any stage, such as lost."""
    carry: tuple[FieldName, ...] = ()
    """Attributes learned at one stage that later milestones tell too, if they lack them."""
    wait_seconds: Wait = 5
    """How long a milestone is held back for the stage before it."""
    remember_days: Annotated[float, Field(gt=0, le=3660)] = 30
    """How long after its last milestone a key's stages are remembered."""

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        names = [*self.stages, *self.ends]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name.value!r} is named twice")
        return self


def placed_patterns(rule: Rule) -> Sequence[tuple[Place, Pattern]]:
    """Return the patterns of all observations that the rule listens to, and where each stands."""
    match rule:
        case JoinRule():
            needed = [(("of", position), each) for position, each in enumerate(rule.of)]
            told = [(("optional", position), each) for position, each in enumerate(rule.optional)]
            return [*needed, *told]
        case AbsenceRule():
            return [(("after",), rule.after), (("expect",), rule.expect)]
        case GatherRule(closed_by=Pattern() as closing):
            return [(("of",), rule.of), (("closed_by",), closing)]
        case _:
            return [(("of",), rule.of)]


def patterns(rule: Rule) -> tuple[Pattern, ...]:
    """Return the patterns of all observations that the rule listens to."""
    return tuple(each for _, each in placed_patterns(rule))


class FieldUse(NamedTuple):
    """A field that a rule reads, of an observation of at least one of the kinds."""

    place: Place
    field: str
    kinds: tuple[str, ...]


def field_uses(rule: Rule) -> Iterator[FieldUse]:
    """Yield every field that the rule reads, and of which observations."""
    for place, pattern in placed_patterns(rule):
        for field in pattern.where:
            yield FieldUse((*place, "where", field), field, (pattern.kind,))
        yield from _uses("about", [rule.about], pattern)
    match rule:
        case OneRule():
            yield from _uses("occurrence", rule.occurrence, rule.of)
        case TransitionRule():
            yield from _uses("level", [rule.level], rule.of)
            yield from _uses("level_of", rule.level_of, rule.of)
        case GatherRule():
            yield from _counted(rule)
        case JoinRule() | AbsenceRule():
            pass


def _counted(rule: GatherRule) -> Iterator[FieldUse]:
    for pattern in patterns(rule):
        yield from _uses("by", rule.by, pattern)
    for setting in ("distinct", "quantity", "children", "each"):
        yield from _uses(setting, [getattr(rule, setting)], rule.of)
    yield from _uses("until", [rule.until], *patterns(rule))
    if rule.closed_by is not None:
        yield from _uses("total", [rule.total], rule.closed_by)


def _uses(setting: str, fields: Iterable[str | None], *of: Pattern) -> Iterator[FieldUse]:
    kinds = tuple(pattern.kind for pattern in of)
    return (FieldUse((setting,), each, kinds) for each in fields if each is not None)


def concludes(rule: Rule) -> tuple[Name, ...]:
    """Return the names of the milestones that the rule can conclude."""
    if isinstance(rule, GatherRule) and rule.partial is not None:
        return (rule.milestone, rule.partial)
    return (rule.milestone,)
