"""A story is told so that what an operator needs can be read whole."""

import io
from dataclasses import replace

import orjson
import pytest
from rich.console import Console

from buffer.journal import SignalRow
from buffer.reader import StoryAttempt, StoryEntry, StoryMilestone
from edge.trace import Story, write
from edge.trace.story import Chapter, Delivered

AT = 1_772_352_000_000
PAYLOAD = b'{"unit": "T-1", "note": "' + b"p" * 100 + b'the end of the payload"}'
ANSWER = f"422 refused: {'a' * 100} the end of the answer"


def story(state: str = "dead") -> Story:
    milestone = StoryMilestone(
        1, bytes(16), "received", "received", "unit:T-1", AT, AT, "in_order", None, b"{}"
    )
    signal = SignalRow(1, "floor", "scan/dock", PAYLOAD, None, AT, AT, True)
    entry = StoryEntry(7, "erp", state, 1, ANSWER, AT)
    attempt = StoryAttempt(1, AT, AT, "rejected", ANSWER)
    delivered = Delivered(entry, (attempt,), is_behind_dead_letter=False)
    return Story("unit:T-1", (Chapter(milestone, (signal,), 0, (delivered,)),), (signal,), {})


def written(*, on_terminal: bool, whole: bool) -> list[str]:
    told = io.StringIO()
    console = Console(file=told, width=80, force_terminal=on_terminal, color_system=None)
    write(story(), console, whole=whole)
    return told.getvalue().splitlines()


@pytest.mark.parametrize("whole", [True, False])
def test_in_a_file_each_line_is_whole(*, whole: bool) -> None:
    lines = written(on_terminal=False, whole=whole)
    assert [line for line in lines if line.endswith(ANSWER)]
    assert len([line for line in lines if line.endswith(PAYLOAD.decode())]) == 2


def test_on_a_terminal_a_signal_is_one_row_and_an_answer_is_whole() -> None:
    lines = written(on_terminal=True, whole=False)
    signals = [line for line in lines if "scan/dock" in line]
    assert [len(line) for line in signals] == [80, 80]
    assert all(line.endswith("…") for line in signals)
    assert [line for line in lines if line.endswith(ANSWER)]


def test_on_a_terminal_all_shows_a_signal_to_its_end() -> None:
    lines = written(on_terminal=True, whole=True)
    assert len([line for line in lines if line.endswith(PAYLOAD.decode())]) == 2


def test_attempts_that_are_not_kept_are_told_and_those_around_them_are_no_run() -> None:
    kept = [StoryAttempt(number, AT, AT, "retry", "404") for number in (1, 2, 3, 50, 51)]
    (chapter,) = story("pending").chapters
    (delivered,) = chapter.deliveries
    chapter = replace(chapter, deliveries=(replace(delivered, attempts=tuple(kept)),))
    told = io.StringIO()
    write(replace(story(), chapters=(chapter,)), Console(file=told), whole=False)
    lines = [line.split(" at ")[0] for line in told.getvalue().splitlines() if "erp: att" in line]
    assert lines == [
        "   erp: attempts 1 to 3",
        "   erp: attempts 4 to 49 not kept",
        "   erp: attempts 50 to 51",
    ]


def test_what_can_be_done_about_a_dead_letter_can_be_typed_as_it_is_told() -> None:
    told = "\n".join(written(on_terminal=False, whole=False))
    assert "`milepost outbox retry 7`, or `discard 7 --reason WHY`" in told


def test_of_an_exception_it_is_told_how_bad_it_is_and_what_it_blocks() -> None:
    (chapter,) = story().chapters
    body = (
        b'{"quantityList": [{"epcClass": "https://dc.example/item/A"}],'
        b'"milepost:severity": "critical", "milepost:blocks": "order:SO-1"}'
    )
    milestone = chapter.milestone._replace(name="damaged", body=body)
    damaged = replace(chapter, milestone=milestone)
    told = io.StringIO()
    console = Console(file=told, width=200, color_system=None)
    write(replace(story(), chapters=(damaged,)), console, whole=False)
    assert "DAMAGED  A, critical: blocks order:SO-1\n" in told.getvalue()


@pytest.mark.parametrize(
    ("key", "epc", "at", "words"),
    [
        ("device:sealer-1", "https://dc.example/device/sealer-1", None, "device sealer-1"),
        ("zone:A 1", "https://dc.example/zone/A%201", None, "zone A%201"),
        ("read_point:lane-3", "https://dc.example/readPoint/lane-3", "lane-3", "read point lane-3"),
        ("order:SO-1", "https://dc.example/unit/C-1", "lane-3", "unit C-1, at lane-3"),
    ],
)
def test_what_a_milestone_is_about_is_called_what_it_is(
    key: str, epc: str, at: str | None, words: str
) -> None:
    (chapter,) = story().chapters
    place = {"readPoint": {"id": f"https://dc.example/readPoint/{at}"}} if at else {}
    body = orjson.dumps({"epcList": [epc], **place})
    milestone = chapter.milestone._replace(name="jammed", key=key, body=body)
    told = io.StringIO()
    console = Console(file=told, width=200, color_system=None)
    write(replace(story(), chapters=(replace(chapter, milestone=milestone),)), console, whole=False)
    assert f"JAMMED  {words}\n" in told.getvalue()


def test_a_milestone_that_nobody_is_owed_says_so() -> None:
    (chapter,) = story().chapters
    told = io.StringIO()
    chapters = (replace(chapter, deliveries=()),)
    write(replace(story(), chapters=chapters), Console(file=told), whole=False)
    assert "   owed to no destination\n" in told.getvalue()
    assert "owed to no destination" not in "\n".join(written(on_terminal=False, whole=False))
