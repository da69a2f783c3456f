"""docs/profiles has a page of each profile, and each says what the profile does."""

from pathlib import Path

import pytest

from docs.reference.profiles import index, pages
from edge.profiles import find, names

FOLDER = Path(__file__).parents[3] / "docs" / "profiles"


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return dict(pages())


@pytest.mark.parametrize("name", names())
def test_the_page_of_a_profile_is_what_the_profile_makes_it(
    name: str, made: dict[str, str]
) -> None:
    assert (FOLDER / f"{name}.md").read_text(encoding="utf-8") == made[name], "run `make docs`"


def test_the_index_names_every_profile() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert text == index(text), "run `make docs`"
    assert all(f"[`{name}`]({name}.md)" in text for name in names())


@pytest.mark.parametrize("name", names())
def test_every_parameter_stands_on_the_page(name: str, made: dict[str, str]) -> None:
    for parameter in find(name).parameters:
        assert f"| `{parameter}` | " in made[name]
