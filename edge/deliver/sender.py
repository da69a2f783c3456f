"""Taking entries that belong together to one destination, and settling what comes of each."""

import asyncio
from contextlib import suppress

from buffer.outbox import PendingEntry
from drivers.contract import Accepted, Clock, Divide, Retry, Sink, Unknown
from edge.deliver import sending
from edge.deliver.governor import Governor
from edge.deliver.settling import Settling, tried_once


class Sender:
    """Looks up what may have arrived, sends the rest, and settles each entry."""

    def __init__(
        self,
        destination: str,
        site: str,
        sink: Sink,
        governor: Governor,
        settling: Settling,
        *,
        clock: Clock,
        stopped: asyncio.Event,
    ) -> None:
        """Nothing more is sent once `stopped` is set."""
        self._destination = destination
        self._site = site
        self._sink = sink
        self._governor = governor
        self._settling = settling
        self._clock = clock
        self._stopped = stopped

    async def serve(self, batch: list[PendingEntry]) -> None:
        """Look entries up, and send them together; those refused as a whole, in halves."""
        rest = await self._look_up(batch)
        pieces = sending.pieces_of(rest)
        is_first = True
        while pieces:
            may_send = _now() >= self._governor.closed_until and not self._stopped.is_set()
            if not is_first:
                may_send = await self._may_send(len(pieces[-1]))
            if not may_send:
                self._settling.give_back([row for piece in pieces for row in piece])
                return
            piece = pieces.pop()
            halves = await self._send_piece(piece, is_whole=is_first)
            pieces += reversed(halves)
            is_first = False

    async def _send_piece(
        self, piece: list[PendingEntry], *, is_whole: bool
    ) -> list[list[PendingEntry]]:
        """Send entries once and settle them; return the halves if they must be divided."""
        sent_at, started_at = _now(), self._clock()
        entries = [sending.entry_of(row, self._site) for row in piece]
        try:
            outcome = await sending.send(self._sink, self._destination, entries)
        except asyncio.CancelledError:
            # Nobody waits for the answer to what may have been sent: it is looked up.
            self._settling.note(piece, Unknown("stopped before the answer came"), started_at)
            raise
        if not isinstance(outcome, Divide):
            seqs = [row.seq for row in piece]
            outage = self._governor.answered(seqs, outcome, sent_at, _now())
            self._settling.settle(piece, outcome, started_at, outage=outage)
            return []
        # A piece may be too large for one of its entries: others need not suffer from that one.
        if outcome.too_large and is_whole:
            self._governor.too_large(len(piece), _now())
        refusal = Retry(f"with {len(piece) - 1} others: {outcome.reason}")
        self._settling.note(piece, refusal, started_at)
        tried = [tried_once(row, refusal) for row in piece]
        middle = len(tried) // 2
        return [tried[:middle], tried[middle:]]

    async def _look_up(self, batch: list[PendingEntry]) -> list[PendingEntry]:
        """Settle entries that have arrived earlier; return those to send.

        After a look-up that tells nothing no more are made: what is sent tells
        more, and a system that cannot be asked must not hold it back.
        """
        is_probe = self._governor.circuit.is_open
        may_ask = True
        rest, back = list[PendingEntry](), list[PendingEntry]()
        for row in batch:
            if not row.unsure:
                rest.append(row)
                continue
            may_ask = may_ask and await self._may_send(0, is_probe=is_probe)
            if not may_ask:
                back.append(row)
                continue
            sent_at, started_at = _now(), self._clock()
            found = await sending.look_up(
                self._sink, self._destination, sending.entry_of(row, self._site)
            )
            if isinstance(found, Accepted):
                self._governor.found(sent_at, _now())
                self._settling.settle([row], [found], started_at, outage=False)
                continue
            if isinstance(found, Retry):
                self._governor.answered([row.seq], [found], sent_at, _now())
            may_ask = found is None
            rest.append(row)
        if back:
            self._settling.give_back(back)
        return rest

    async def _may_send(self, milestones: int, *, is_probe: bool = False) -> bool:
        """Wait until the next part of a batch may be sent; False if it must go back."""
        while not self._stopped.is_set() and (is_probe or not self._governor.circuit.is_open):
            now = _now()
            wait = self._governor.ready_at(now) - now
            if wait <= 0:
                self._governor.sent(milestones, now)
                return True
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stopped.wait()
        return False


def _now() -> float:
    return asyncio.get_running_loop().time()
