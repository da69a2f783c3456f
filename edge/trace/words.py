"""Writing a story for a person."""

from collections import Counter
from collections.abc import Iterator

import orjson
from rich.console import Console
from rich.text import Text

from buffer.journal import SignalRow
from edge.times import clock_time, date_and_time, in_words
from edge.trace.story import Chapter, Delivered, Story

EVIDENCE_LINES = 6
"""Signals shown of one milestone unless all are asked for."""

_SAID = {"late": ", concluded late", "out_of_order": ", accepted out of order", "in_order": ""}
_ENDED = {
    "accepted": "accepted",
    "rejected": "rejected",
    "retry": "not taken",
    "unknown": "no answer",
}


def write(story: Story, console: Console, *, whole: bool) -> None:
    """Print a story; `whole` shows every signal instead of the first few of each milestone."""
    for line in _lines(story, whole=whole):
        # A line stays a line: on a terminal it is cut off, in a file it is whole.
        console.print(
            line,
            no_wrap=True,
            overflow="ellipsis",
            crop=console.is_terminal,
            soft_wrap=not console.is_terminal,
        )


def _lines(story: Story, *, whole: bool) -> Iterator[Text]:
    yield Text(story.key, style="bold")
    yield _summary(story)
    for chapter in story.chapters:
        yield Text()
        yield from _chapter(chapter, whole=whole)
    if story.loose:
        yield Text()
        yield Text("Also said of it, leading to no milestone by itself:", style="bold")
        shown = story.loose if whole else story.loose[:EVIDENCE_LINES]
        for signal in shown:
            yield _signal(signal)
            if signal.seq in story.refused:
                yield Text(f"       in quarantine: {story.refused[signal.seq]}", style="red")
        if len(story.loose) > len(shown):
            yield _more(len(story.loose) - len(shown))


def _summary(story: Story) -> Text:
    counts = Counter(chapter.milestone.name for chapter in story.chapters)
    facts = ", ".join(name if n == 1 else f"{n} x {name}" for name, n in counts.items())
    entries = [d.entry for chapter in story.chapters for d in chapter.deliveries]
    owed = Counter((entry.destination, entry.state) for entry in entries)
    where = "; ".join(f"{destination}: {n} {state}" for (destination, state), n in owed.items())
    return Text(f"{facts or 'no milestone yet'}. {where or 'Owed to no destination'}.")


def _chapter(chapter: Chapter, *, whole: bool) -> Iterator[Text]:
    milestone = chapter.milestone
    head = Text(f"{date_and_time(milestone.occurred_at)}  ")
    head.append(milestone.name.upper(), style="bold green")
    head.append(f"  {_details(milestone.body)}")
    yield head
    if milestone.retracts is not None:
        text = f"   declares milestone {milestone.retracts.hex()} to be false"
        yield Text(text, style="yellow")
    yield Text(
        f"   concluded at {clock_time(milestone.recorded_at)} by rule {milestone.rule!r}"
        f"{_SAID[milestone.mark]}, from"
    )
    shown = chapter.evidence if whole else chapter.evidence[:EVIDENCE_LINES]
    yield from map(_signal, shown)
    if len(chapter.evidence) > len(shown):
        yield _more(len(chapter.evidence) - len(shown))
    if chapter.forgotten:
        yield Text(f"     {chapter.forgotten} signals that the journal no longer keeps", "dim")
    yield Text(f"   told as {milestone.id.hex()}", style="dim")
    for delivered in chapter.deliveries:
        yield from _delivered(delivered)


def _details(body: bytes) -> str:
    """Tell what the event says beyond its name, in a few words."""
    event = orjson.loads(body)
    words = []
    for item in event.get("quantityList", ()):
        requested = event.get("milepost:requestedQuantity")
        of = f" of {requested}" if requested is not None else ""
        words.append(f"{item['quantity']}{of} x {_last(item['epcClass'])}")
    if "milepost:line" in event:
        words.append(f"line {event['milepost:line']}")
    words += [f"unit {_last(epc)}" for epc in event.get("epcList", ())]
    if "parentID" in event:
        children = len(event.get("childEPCs", ()))
        words.append(f"unit {_last(event['parentID'])} with {children} items")
    words += [
        f"{_last(t.get('type', ''))} {_last(t['bizTransaction'])}"
        for t in event.get("bizTransactionList", ())
    ]
    if "readPoint" in event:
        words.append(f"at {_last(event['readPoint']['id'])}")
    return ", ".join(words)


def _last(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[-1]


def _signal(signal: SignalRow) -> Text:
    text = Text(f"     {clock_time(signal.received_at)}  ")
    text.append(f"{signal.source} {signal.subject}  ", style="cyan")
    text.append(signal.payload.decode("utf-8", "replace"), style="dim")
    return text


def _more(count: int) -> Text:
    return Text(f"     … and {count} more (--all)", style="dim")


def _delivered(delivered: Delivered) -> Iterator[Text]:
    entry = delivered.entry
    if not delivered.attempts:
        yield Text(f"   {entry.destination}: {entry.state}, not sent yet", style="yellow")
    for attempt in delivered.attempts:
        took = in_words(attempt.ended_at - attempt.started_at)
        line = Text(f"   {entry.destination}: attempt {attempt.number} at ")
        line.append(clock_time(attempt.started_at))
        good = attempt.verdict == "accepted"
        line.append(f" {_ENDED[attempt.verdict]}", style="green" if good else "yellow")
        slow = f" after {took}" if attempt.ended_at - attempt.started_at >= 1000 else ""  # noqa: PLR2004
        line.append(f"{slow}: {attempt.detail}")
        yield line
    if entry.state in {"dead", "discarded"}:
        yield Text(f"   {entry.destination}: {entry.state}: {entry.outcome}", style="red")
