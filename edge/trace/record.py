"""Writing a story for a program."""

from base64 import b64encode
from typing import Any

import orjson

from buffer.journal import SignalRow
from edge.trace.story import Chapter, Delivered, Story


def record(story: Story) -> bytes:
    """Return the whole story as one JSON object; times are milliseconds since 1970, UTC."""
    told = {
        "key": story.key,
        "milestones": [_chapter(chapter, story.refused) for chapter in story.chapters],
        "other_signals": [_signal(signal, story.refused) for signal in story.loose],
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2)


def _chapter(chapter: Chapter, refused: dict[int, str]) -> dict[str, Any]:
    milestone = chapter.milestone
    return {
        "id": milestone.id.hex(),
        "hash": chapter.hash,
        "name": milestone.name,
        "rule": milestone.rule,
        "key": milestone.key,
        "mark": milestone.mark,
        "retracts": None if milestone.retracts is None else milestone.retracts.hex(),
        "occurred_at": milestone.occurred_at,
        "recorded_at": milestone.recorded_at,
        "event": orjson.loads(milestone.body),
        "signals": [_signal(signal, refused) for signal in chapter.evidence],
        "signals_no_longer_kept": chapter.forgotten,
        "deliveries": [_delivered(delivered) for delivered in chapter.deliveries],
    }


def _signal(signal: SignalRow, refused: dict[int, str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "signal": signal.seq,
        "source": signal.source,
        "subject": signal.subject,
        "source_at": signal.source_at,
        "received_at": signal.received_at,
        "good": signal.good,
        "quarantined": refused.get(signal.seq),
    }
    try:
        told["payload"] = signal.payload.decode()
    except UnicodeDecodeError:
        told["payload_base64"] = b64encode(signal.payload).decode()
    return told


def _delivered(delivered: Delivered) -> dict[str, Any]:
    return {
        "entry": delivered.entry.seq,
        "destination": delivered.entry.destination,
        "state": delivered.entry.state,
        "outcome": delivered.entry.outcome,
        "settled_at": delivered.entry.settled_at,
        "is_behind_dead_letter": delivered.is_behind_dead_letter,
        "attempts_made": delivered.entry.attempts,
        "attempts": [attempt._asdict() for attempt in delivered.attempts],
    }
