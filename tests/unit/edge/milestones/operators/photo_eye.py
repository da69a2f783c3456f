"""A photo-eye at a site that tells when it is blocked for too long, for tests of spells."""

from typing import Any

JAMMED = {
    "operator": "transition",
    "milestone": "jammed",
    "about": "eye",
    "of": {"kind": "eye"},
    "level": "blocked",
    "level_of": ["eye"],
    "to": [True],
    "for_seconds": 10,
    "recurs": True,
}
DAY = 86_400_000


class Eye:
    """A photo-eye at a site with one rule."""

    def __init__(self, here: Any) -> None:
        self.here = here

    def is_blocked(self, at: float, blocked: object, **fields: object) -> Any:
        told = {"eye": "E1", "blocked": blocked, **fields}
        return self.here.see("eye", round(at * 1000), **told)

    def hear_until(self, at: float) -> Any:
        return self.here.hear_until(round(at * 1000))

    @property
    def told(self) -> list[tuple[str, float]]:
        return [(name, at / 1000) for name, _, at in self.here.told]
