"""Subjects and the filters that name them, as in MQTT (MQTT 5.0, section 4.7)."""

from collections.abc import Sequence
from itertools import zip_longest

from edge.milestones.decode.path import FieldPath


def check_filter(text: str) -> None:
    """Check that wildcards stand where they may.

    Raises:
        ValueError: "+" is not a whole level, or "#" is not the whole last one.

    """
    levels = text.split("/")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError(f"{text!r}: '+' stands for a whole level, as in 'dc/+/scan'")
    if any("#" in level and level != "#" for level in levels) or "#" in levels[:-1]:
        raise ValueError(f"{text!r}: '#' stands for all further levels, as in 'dc/#'")


def check_level(text: str, path: FieldPath) -> None:
    """Check that subjects which the filter lets through have the path's level.

    Raises:
        ValueError: They never have it.

    """
    levels = text.split("/")
    if path.level is not None and levels[-1] != "#" and path.level >= len(levels):
        raise ValueError(
            f"{path.text!r}: the subject {text!r} has only levels 0 to {len(levels) - 1}",
        )


def matches(wanted: Sequence[str], levels: Sequence[str]) -> bool:
    """Tell whether a filter lets a subject through, both split into levels."""
    if wanted[0] in ("+", "#") and levels[0].startswith("$"):
        return False  # section 4.7.2: what a broker says of itself must be named
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position == len(levels) or level not in ("+", levels[position]):
            # "a/#" lets "a" itself through.
            return False
    return len(wanted) == len(levels)


def overlaps(one: str, other: str) -> bool:
    """Tell whether there can be a subject that both filters let through."""
    levels, others = one.split("/"), other.split("/")
    first = (levels[0], others[0])
    if {"+", "#"} & {*first} and any(level.startswith("$") for level in first):
        return False  # as in `matches`
    for pair in zip_longest(levels, others):
        if "#" in pair:  # and nothing may be where it stands: "a/#" lets "a" itself through
            return True
        if pair[0] != pair[1] and (None in pair or "+" not in pair):
            return False
    return True
