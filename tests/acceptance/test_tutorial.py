"""The pages of docs/tutorials, done by a newcomer who types exactly what they say."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from simulators.ports import free_port

CHECKOUT = Path(__file__).parents[2]
PAGES = CHECKOUT / "docs/tutorials"
TRIED = {"first-milestone.md": (), "simulating-devices.md": (pytest.mark.slow,)}
PORT = re.compile(r"\b18[0-9]{3}\b")
LOOKS = (
    *("cat ", "grep ", "tail ", "milepost health", "milepost trace "),
    *("milepost quarantine list", "milepost outbox list"),
)
"""Commands that change nothing: a reader who sees less than the page has looks again."""

AGAIN_SECONDS = 60.0
HAND_SECONDS = 0.2
"""Nobody types the next command sooner: what was killed has ended by then."""


@dataclass(frozen=True)
class Step:
    """A block of commands, and what they print: `…` is anything, alone on a line any lines."""

    line: int
    commands: str
    printed: str

    @property
    def is_look(self) -> bool:
        return all(line.startswith(LOOKS) for line in self.commands.splitlines())

    def fits(self, printed: str) -> bool:
        anything = r"[^\n]*"
        lines = [
            f"(?:{anything}\n)*" if line == "…" else re.escape(line).replace("…", anything) + "\n"
            for line in self.printed.splitlines()
        ]
        return re.fullmatch("".join(lines), printed) is not None


def steps(page: str) -> Iterator[Step]:
    """Yield the page's steps; every fenced block is one, or what the one before it prints."""
    blocks = list(re.finditer(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    languages = [block[1] for block in blocks]
    assert set(languages) == {"sh", "text"}
    assert page.count("```") == 2 * len(blocks)
    for at, block in enumerate(blocks):
        if languages[at] == "sh":
            prints = languages[at + 1 : at + 2] == ["text"]
            line = page.count("\n", 0, block.start()) + 2
            yield Step(line, block[2], blocks[at + 1][2] if prints else "")


class Terminal:
    """One bash, in the checkout, of a user whose home is empty."""

    def __init__(self, directory: Path) -> None:
        self._typed = directory / "typed"
        self._printed = directory / "printed"
        self.home = directory / "home"
        self.home.mkdir()
        self.left_running = False
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=CHECKOUT,
            env={**os.environ, "HOME": str(self.home), "PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, step: Step) -> tuple[bool, str]:
        """Return whether all commands of the step succeeded, and what they printed.

        After a step that failed, and was no look, no other is run.
        """
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._typed.write_text(step.commands)
        block = f". '{self._typed}' </dev/null >'{self._printed}' 2>&1"
        told = f"(set -e; {block}); echo $?" if step.is_look else f"set -e; {block}; set +e; echo 0"
        self._bash.stdin.write(f"{told}\n")
        self._bash.stdin.flush()
        succeeded = self._bash.stdout.readline() == "0\n"
        return succeeded, self._printed.read_text()

    def logs(self) -> str:
        """Return what is in the logs that were written at home."""
        logs = sorted(self.home.glob("*/*.log"))
        return "\n".join(f"{log.name}:\n{log.read_text()}" for log in logs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it, and whatever was started in it and has not ended."""
        with suppress(subprocess.TimeoutExpired):
            self._bash.communicate(timeout=AGAIN_SECONDS)
        try:
            os.killpg(self._bash.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.left_running = True
        self._bash.wait()


def page(name: str) -> str:
    """Return a page with ports of our own, and without what the tests have done before it."""
    text = (PAGES / name).read_text()
    assert text.count("make setup\n") == 1
    text = text.replace("make setup\n", "")
    ports = {port: str(free_port()) for port in PORT.findall(text)}
    assert len(ports) > 1
    return PORT.sub(lambda port: ports[port[0]], text)


def newcomer_does(step: Step, terminal: Terminal, name: str) -> None:
    """Do a step, and look again for a while at what is not yet as the page has it."""
    deadline = time.monotonic() + AGAIN_SECONDS
    while True:
        time.sleep(HAND_SECONDS)
        succeeded, printed = terminal.run(step)
        if succeeded and step.fits(printed):
            return
        if not step.is_look or time.monotonic() > deadline:
            how = "printed" if succeeded else "failed, and printed"
            raise AssertionError(
                f"{name}:{step.line}: {step.commands}{how}\n{printed}\n{terminal.logs()}"
            )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [pytest.param(name, marks=marks) for name, marks in TRIED.items()])
def test_a_page_does_what_it_says_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    with Terminal(tmp_path) as terminal:
        for step in steps(page(name)):
            newcomer_does(step, terminal, name)
    assert not terminal.left_running
    assert list(terminal.home.iterdir()) == []


def test_every_page_is_tried() -> None:
    assert {each.name for each in PAGES.glob("*.md")} == TRIED.keys()
