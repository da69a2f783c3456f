"""The profiles that there are: the folders beside this file."""

import tomllib
from functools import cache
from pathlib import Path

from edge.profiles.profile import Profile

FOLDER = Path(__file__).parent


@cache
def names() -> tuple[str, ...]:
    """Return the names of all profiles."""
    return tuple(sorted(file.parent.name for file in FOLDER.glob("*/profile.toml")))


@cache
def find(name: str) -> Profile:
    """Return the profile of that name.

    Raises:
        KeyError: There is none.

    """
    if name not in names():
        raise KeyError(name)
    text = (FOLDER / name / "profile.toml").read_text(encoding="utf-8")
    return Profile.model_validate(tomllib.loads(text))
