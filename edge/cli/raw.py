"""One quarantined signal, byte for byte."""

from base64 import b64encode
from collections.abc import Iterator

from buffer.journal import SignalRow
from buffer.quarantine import QuarantinedRow
from edge.cli.tables import on_one_line
from edge.wording import counted, date_and_time

_HEX = 16


def told(row: QuarantinedRow, signal: SignalRow | None) -> Iterator[str]:
    """Return what is known of a signal, in lines for a person."""
    yield f"source     {row.source or '?'}"
    yield f"subject    {on_one_line(row.subject or 'no longer in the journal')}"
    yield f"reason     {on_one_line(row.reason)}"
    yield f"set apart  {date_and_time(row.recorded_at)}"
    yield f"state      {row.state}" + (f": {row.decision}" if row.decision else "")
    if signal is None:
        return
    yield f"received   {date_and_time(signal.received_at)}"
    if signal.source_at is not None:
        yield f"its time   {date_and_time(signal.source_at)}"
    if not signal.good:
        yield "quality    marked as bad by the source"
    yield f"payload    {counted(len(signal.payload), 'byte')}"
    text = _text(signal.payload)
    yield from [text] if text is not None else _hexdump(signal.payload)


def _text(payload: bytes) -> str | None:
    """Return the payload as text, if it is text that does nothing to a terminal."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\n\t" for c in text) else None


def _hexdump(payload: bytes) -> Iterator[str]:
    for at in range(0, len(payload), _HEX):
        row = payload[at : at + _HEX]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004 - printable ASCII
        yield f"{at:08x}  {row.hex(' '):<{3 * _HEX}} {shown}"


def line(row: QuarantinedRow, signal: SignalRow | None) -> dict[str, object]:
    """Return what is known of a signal, for a program."""
    known: dict[str, object] = {
        "number": row.seq,
        "signal": row.signal,
        "source": row.source,
        "subject": row.subject,
        "reason": row.reason,
        "state": row.state,
        "decision": row.decision,
        "set_apart_at": row.recorded_at,
    }
    if signal is not None:
        text = _text(signal.payload)
        known |= {"received_at": signal.received_at, "source_at": signal.source_at}
        known |= {"good": signal.good}
        known |= (
            {"payload": text}
            if text is not None
            else {"payload_base64": b64encode(signal.payload).decode()}
        )
    return known
