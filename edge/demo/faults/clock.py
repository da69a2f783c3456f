"""The gateway's clock jumps, as by an operator's hand or a time server that was away."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from edge.demo.faults.fault import Fault, Happening, in_thread
from edge.demo.stage import Stage, Staging

LIBRARIES = ("/usr/lib", "/usr/local/lib", "/usr/lib64")


def _library() -> Path | None:
    """Return libfaketime, which lets one process have a clock of its own."""
    found = (each for root in LIBRARIES for each in Path(root).glob("**/libfaketime.so.1"))
    return next(found, None)


def _lacks() -> str | None:
    return None if _library() else "libfaketime; on Debian: apt-get install libfaketime"


def _file(directory: Path) -> Path:
    return directory / "clock"


def _environment(directory: Path) -> Mapping[str, str]:
    _file(directory).write_text("+0\n")
    return {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(_file(directory)),
        "FAKETIME_NO_CACHE": "1",
        # Only the wall clock jumps; an event loop's clock never does.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _jump(offset: str, words: str) -> Callable[[Stage, float], Sequence[Happening]]:
    def happenings(stage: Stage, play: float) -> Sequence[Happening]:
        set_to = partial(in_thread, _file(stage.directory).write_text)
        return [
            Happening(0.3 * play, f"the gateway's clock is set {words}", set_to(f"{offset}\n")),
            Happening(0.6 * play, "the gateway's clock is right again", set_to("+0\n")),
        ]

    return happenings


FAULTS = {
    "clock-forward": Fault(
        "the gateway's clock is an hour fast for a while",
        _jump("+3600", "an hour forward"),
        Staging(environment=_environment),
        lacks=_lacks,
    ),
    "clock-back": Fault(
        "the gateway's clock is an hour slow for a while",
        _jump("-3600", "an hour back"),
        Staging(environment=_environment),
        lacks=_lacks,
    ),
}
