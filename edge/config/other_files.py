"""Files that are given where another is meant: what each is, and what takes it. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

_PROFILE = {"summary", "parameters"}
_TESTS = {"configuration", "tests"}
_CONFIGURATION = {"site", "sources", "destinations", "profiles", "observations", "rules"}


def mistaken(table: Mapping[str, Any], expected: Collection[str]) -> str | None:
    """Say what a file seems to be, if not what has the expected keys; None if it may be that."""
    told = table.keys()
    if told >= _PROFILE and not _PROFILE & {*expected}:
        return (
            "seems to be a profile, which no command takes; "
            "a site's configuration says `use` and its name (docs/profiles)"
        )
    if told & _TESTS and "site" not in told and not _TESTS & {*expected}:
        return (
            "seems to be a file of rule tests, not a configuration; `milepost rules test` takes it"
        )
    if told & _CONFIGURATION and not _CONFIGURATION & {*expected}:
        return (
            "seems to be a configuration, not a file of rule tests; `milepost check` and "
            "`milepost rules explain` take it. Tests stand in a file of their own, which names it"
        )
    return None
