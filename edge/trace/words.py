"""Writing a story for a person."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from urllib.parse import unquote

import orjson
from rich.console import Console
from rich.text import Text

from buffer.journal import SignalRow
from buffer.reader import StoryMilestone
from edge.trace.story import Chapter, Delivered, Story
from edge.wording import counted, date_and_time, in_words, time_beside, zone

EVIDENCE_LINES = 6
"""Signals shown of one milestone unless all are asked for."""
SLOW_MILLISECONDS = 1000
"""An attempt that took so long is told how long it took."""

_SAID = {"late": ", concluded late", "out_of_order": ", accepted out of order", "in_order": ""}


def write(story: Story, console: Console, *, whole: bool) -> None:
    """Print a story.

    `whole` shows every signal and attempt, and every payload to its end.
    Otherwise a milestone's signals are the first few; on a terminal each is
    cut off at its edge. In a file each line is whole.
    """
    cuts_signals = console.is_terminal and not whole
    for line in _lines(story, whole=whole):
        if cuts_signals and line.no_wrap:
            console.print(line, no_wrap=True, overflow="ellipsis")
        else:
            # The terminal breaks what is longer, such as an answer: it must not be cut.
            console.print(line, soft_wrap=True)


def _lines(story: Story, *, whole: bool) -> Iterator[Text]:
    yield Text(story.key, style="bold")
    yield Text(_summary(story))
    for chapter in story.chapters:
        yield Text()
        yield from _chapter(chapter, whole=whole)
    if story.loose:
        yield Text()
        since = date_and_time(story.loose[0].received_at)
        heading = f"Also said of it from {since}, leading to no milestone by itself:"
        yield Text(heading, style="bold")
        shown = story.loose if whole else story.loose[:EVIDENCE_LINES]
        for signal in shown:
            yield _signal(signal, story.loose[0].received_at)
            if signal.seq in story.refused:
                yield Text(f"       in quarantine: {story.refused[signal.seq]}", style="red")
        if len(story.loose) > len(shown):
            yield _more(len(story.loose) - len(shown))


def _summary(story: Story) -> str:
    counts = Counter(chapter.milestone.name for chapter in story.chapters)
    facts = ", ".join(name if n == 1 else f"{n} x {name}" for name, n in counts.items())
    entries = [d.entry for chapter in story.chapters for d in chapter.deliveries]
    owed = Counter((entry.destination, entry.state) for entry in entries)
    where = "; ".join(f"{destination}: {n} {state}" for (destination, state), n in owed.items())
    told = f"{facts}. {where or 'Owed to no destination'}." if facts else "No milestone yet."
    times = [chapter.milestone.recorded_at for chapter in story.chapters]
    times += [signal.received_at for signal in story.loose]
    return f"{told} Times in {zone(times[0])}." if times else told


def _chapter(chapter: Chapter, *, whole: bool) -> Iterator[Text]:
    milestone = chapter.milestone
    head = Text(f"{date_and_time(milestone.occurred_at)}  ")
    head.append(milestone.name.upper(), style="bold green")
    head.append(f"  {_details(milestone)}")
    yield head
    if milestone.retracts is not None:
        text = f"   declares milestone {milestone.retracts.hex()} to be false"
        yield Text(text, style="yellow")
    yield Text(
        f"   concluded at {time_beside(milestone.recorded_at, milestone.occurred_at)}"
        f" by rule {milestone.rule!r}"
        f"{_SAID[milestone.mark]}, from"
    )
    shown = chapter.evidence if whole else chapter.evidence[:EVIDENCE_LINES]
    for signal in shown:
        yield _signal(signal, milestone.occurred_at)
    if len(chapter.evidence) > len(shown):
        yield _more(len(chapter.evidence) - len(shown))
    if chapter.forgotten:
        forgotten = counted(chapter.forgotten, "signal")
        yield Text(f"     {forgotten} that the journal no longer keeps", "dim")
    yield Text(f"   told as {milestone.id.hex()}", style="dim")
    if chapter.hash is not None:
        yield Text(f"   hash {chapter.hash}", style="dim")
    if not chapter.deliveries:
        yield Text("   owed to no destination", style="dim")
    for delivered in chapter.deliveries:
        yield from _delivered(delivered, milestone.occurred_at, whole=whole)


def _details(milestone: StoryMilestone) -> str:
    """Tell what the event says beyond its name, in a few words."""
    event = orjson.loads(milestone.body)
    words = []
    for item in event.get("quantityList", ()):
        requested = event.get("milepost:requestedQuantity")
        of = f" of {requested}" if requested is not None else ""
        how_many = f"{item['quantity']}{of} x " if "quantity" in item else ""
        words.append(how_many + _last(item["epcClass"]))
    if "milepost:line" in event:
        words.append(f"line {event['milepost:line']}")
    words += [f"{_what(epc, milestone.key)} {_last(epc)}" for epc in event.get("epcList", ())]
    if "parentID" in event:
        children = counted(len(event.get("childEPCs", ())), "item")
        words.append(f"unit {_last(event['parentID'])} with {children}")
    words += [
        f"{_last(t.get('type', ''))} {_last(t['bizTransaction'])}"
        for t in event.get("bizTransactionList", ())
    ]
    if "readPoint" in event:
        place = _last(event["readPoint"]["id"])
        words += [] if f"read point {place}" in words else [f"at {place}"]
    if "milepost:severity" in event:
        words.append(f"{event['milepost:severity']}: blocks {event['milepost:blocks']}")
    return ", ".join(words)


def _what(epc: str, key: str) -> str:
    """Say what a thing is: a unit, unless the milestone is about another thing, such as a device.

    Such a thing stands in the event in a unit's place.
    """
    kind, _, value = key.partition(":")
    return kind.replace("_", " ") if value == unquote(_last(epc)) else "unit"


def _last(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[-1]


def _signal(signal: SignalRow, beside: int) -> Text:
    text = Text(f"     {time_beside(signal.received_at, beside)}  ", no_wrap=True)
    text.append(f"{signal.source} {_on_one_line(signal.subject)}  ", style="cyan")
    text.append(_on_one_line(signal.payload.decode("utf-8", "replace")), style="dim")
    return text


def _on_one_line(text: str) -> str:
    """Return the text as one line in which nothing commands the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))


def _more(count: int) -> Text:
    return Text(f"     … and {count} more (--all)", style="dim")


def _delivered(delivered: Delivered, beside: int, *, whole: bool) -> Iterator[Text]:
    entry = delivered.entry
    # An outage makes the same attempt fail the same way for hours: that is one line. What was
    # between those that are kept may have ended otherwise.
    numbered = enumerate(delivered.attempts)
    alike = groupby(
        numbered, lambda each: (each[1].verdict, each[1].detail, each[1].number - each[0])
    )
    runs = [[attempt for _, attempt in run] for _, run in alike]
    if whole:
        runs = [[attempt] for attempt in delivered.attempts]
    told = 0
    for run in runs:
        if run[0].number > told + 1:
            between = _numbers(told + 1, run[0].number - 1)
            yield Text(f"   {entry.destination}: {between} not kept", style="dim")
        told = run[-1].number
        style = "green" if run[0].verdict == "accepted" else "yellow"
        line = Text(f"   {entry.destination}: {_numbers(run[0].number, told)} at ")
        line.append(time_beside(run[0].started_at, beside))
        if len(run) > 1:
            line.append(f" to {time_beside(run[-1].started_at, beside)}")
        line.append(f" {run[0].verdict}", style=style)
        took = run[-1].ended_at - run[-1].started_at
        if len(run) == 1 and took >= SLOW_MILLISECONDS:
            line.append(f" after {in_words(took)}")
        line.append(f": {run[0].detail}")
        yield line
    if entry.state == "dead":
        retry, discard = f"retry {entry.seq}", f"discard {entry.seq} --reason WHY"
        text = f"dead letter: `milepost outbox {retry}`, or `{discard}`"
        yield Text(f"   {entry.destination}: {text}", style="red")
    elif entry.state == "discarded":
        yield Text(f"   {entry.destination}: discarded: {entry.outcome}", style="red")
    elif delivered.is_behind_dead_letter:
        yield Text(f"   {entry.destination}: pending behind a dead letter", style="yellow")
    elif not delivered.attempts:
        yield Text(f"   {entry.destination}: {entry.state}, not sent yet", style="yellow")


def _numbers(first: int, last: int) -> str:
    return f"attempt {first}" if first == last else f"attempts {first} to {last}"
