"""The pages of the profiles, docs/profiles/*.md, made of the profiles themselves."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from edge.config import Configuration, load
from edge.milestones.decode import Decoder
from edge.profiles import find, names
from edge.profiles.finding import FOLDER
from edge.profiles.profile import Parameter
from edge.rules.cases import GivenSignal
from edge.rules.explaining import sentences
from edge.rules.loading import load_tests
from edge.rules.picture import mermaid

_INDEX = re.compile(r"(<!-- make docs: profiles -->\n).*?(<!-- end -->)", re.DOTALL)
_TIME = "2026-01-05T08:00:00.000Z"


def pages() -> Mapping[str, str]:
    """Return the text of each page, by the name of the profile."""
    return {name: "\n".join(_page(name)) + "\n" for name in names()}


def index(text: str) -> str:
    """Return docs/profiles/README.md with the table of all profiles between its marks."""
    rows = [
        f"| [`{name}`]({name}.md) | {find(name).summary} | {', '.join(_concluded(name))} |"
        for name in names()
    ]
    table = "\n".join(["| Profile | What it watches | Milestones |", "| --- | --- | --- |", *rows])
    return _INDEX.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)


def _page(name: str) -> Iterator[str]:
    profile, example = find(name), _example(name)
    yield f"# {name}"
    yield f"\n{profile.summary}\n"
    yield f"```toml\n{_use(name)}```\n"
    yield from ("```mermaid", *mermaid(example), "```")
    yield "\n## What it expects\n"
    for kinds, subject, payload in _samples(name, example):
        yield f"{kinds}, told on `{subject}`:\n"
        yield f"```json\n{payload}\n```\n"
    yield "## What follows\n"
    concluded = [*sentences(example)]
    for line in concluded[1 : len(example.rules) + 1]:
        rule, words = line.strip().split(": ", 1)
        yield f"- `{rule}`: {words}"
    if profile.notes:
        yield f"\n## Good to know\n\n{profile.notes.strip()}"
    yield "\n## Parameters\n"
    yield "| Parameter | Unless told | Meaning |"
    yield "| --- | --- | --- |"
    for key, parameter in profile.parameters.items():
        yield f"| `{key}` | {_default(parameter)} | {parameter.meaning} |"
    yield "\nHow to change what a parameter does not: [profiles](README.md#changing-a-part)."


def _example(name: str) -> Configuration:
    return load(FOLDER / name / "example.toml")


def _concluded(name: str) -> list[str]:
    rules = _example(name).rules.values()
    return list(dict.fromkeys(f"`{each}`" for rule in rules for each in rule.concludes()))


def _use(name: str) -> str:
    """Return how the example uses the profile."""
    text = (FOLDER / name / "example.toml").read_text(encoding="utf-8")
    return text[text.index("[profiles.") :]


def _samples(name: str, example: Configuration) -> Iterator[tuple[str, str, str]]:
    """Yield for each observation what it is called, a subject and a payload of its tests."""
    decoder = Decoder(example.observations)
    told: set[str] = set()
    for _, test in load_tests(FOLDER / name / "tests.toml").tests:
        for given in test.signals if not test.quarantine else ():
            signal = given.as_signal()
            kinds = {each.kind for each in decoder.decode(1, given.source, signal)}
            if not kinds <= told:
                new = ", ".join(f"*{kind.partition(' ')[2]}*" for kind in sorted(kinds - told))
                told |= kinds
                yield new, given.subject, _shown(given)
    if missing := {each.kind for each in example.observations} - told:
        raise ValueError(f"no test of {name} has a signal for {sorted(missing)}")


def _shown(given: GivenSignal) -> str:
    def timed(value: Any) -> Any:
        match value:
            case str():
                return value.replace("{time}", _TIME)
            case Mapping():
                return {key: timed(each) for key, each in value.items()}
            case list() | tuple():
                return [timed(each) for each in value]
            case _:
                return value

    payload = timed(given.payload)
    return payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)


def _default(parameter: Parameter) -> str:
    if parameter.is_required:
        return "**must be told**"
    match parameter.default:
        case None:
            return "nothing"
        case tuple():
            return ", ".join(f"`{each}`" for each in parameter.default)
        case _:
            return f"`{parameter.default}`"
