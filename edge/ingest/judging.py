"""What follows from signals and deadlines, written in the transaction that stores them.

Runs on the store's thread.

Promise 2: signals, the tracks they changed, the milestones they led to and the
entries of those milestones are written by one piece of work, in one transaction.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog

from buffer import journal, rule_sets, tally, tracks
from drivers.contract import Batch, Clock, Signal
from edge.ingest import conclusions
from edge.ingest.conclusions import Refused, Route
from edge.ingest.device_clocks import DeviceClocks
from edge.ingest.stored_tracks import StoredTracks
from edge.milestones.decode import Decoder, Malformed
from edge.milestones.model import Decision, Engine, Milestone, Observation, TrackId
from edge.milestones.site import Site

log = structlog.get_logger(__name__)

EXPIRE_LIMIT = 500
"""Deadlines taken in one piece of work, so that a commit stays short."""


@contextmanager
def _all_or_nothing(connection: sqlite3.Connection) -> Iterator[None]:
    """Undo what is written inside if it raises; what the transaction wrote before stands."""
    connection.execute("SAVEPOINT judging")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # else SQLite has undone it all: the disk is full, or failed
            connection.execute("ROLLBACK TO judging")
            connection.execute("RELEASE judging")
        raise
    connection.execute("RELEASE judging")


class Judge:
    """Decodes, collapses and concludes, inside a transaction of the store."""

    def __init__(
        self,
        *,
        decoder: Decoder,
        engine: Engine,
        site: Site,
        routes: Sequence[Route],
        clock: Clock,
        confirm: Callable[[int], None],
        clocks: DeviceClocks | None = None,
    ) -> None:
        """`confirm` is told of times that devices have stated, the latest of each batch.

        `clocks` is told what they show of devices' clocks.
        """
        self.clocks = clocks or DeviceClocks({})
        self._confirm = confirm
        self._in_use = [(0, decoder, engine, routes)]
        self._decoder = decoder
        self._engine = engine
        self._site = site
        self._routes = routes
        self._clock = clock

    def adopt(
        self, rule_set: int, decoder: Decoder, engine: Engine, routes: Sequence[Route]
    ) -> None:
        """Judge by others from now on, as long as the store has that number noted.

        Call it in the transaction that notes it: if that is undone, so is this.
        """
        before = [each for each in self._in_use if each[0] < rule_set][-1:]
        self._in_use = [*before, (rule_set, decoder, engine, routes)]
        self._decoder, self._engine, self._routes = decoder, engine, routes

    def _go_by(self, connection: sqlite3.Connection) -> None:
        """Judge by what is in force in the transaction that runs."""
        if len(self._in_use) > 1 and self._in_use[-1][0] > rule_sets.newest_number(connection):
            del self._in_use[-1]
            _, self._decoder, self._engine, self._routes = self._in_use[-1]

    def tell(self, connection: sqlite3.Connection, milestones: Sequence[Milestone]) -> int:
        """Take milestones that were concluded elsewhere; return how many are new."""
        decision = self._engine.tell(milestones, StoredTracks(connection))
        added, refused = self._write(connection, decision, self._clock())
        self._quarantine(connection, refused, self._clock())
        return added

    def take(self, connection: sqlite3.Connection, source: str, batch: Batch) -> int:
        """Write a batch and all that follows from it; return how many milestones are new."""
        self._go_by(connection)
        now = self._clock()
        first = journal.next_sequence(connection)
        numbered = list(enumerate(batch.signals, first))
        journal.append(
            connection,
            [
                journal.SignalRow(
                    seq, source, s.subject, s.payload, s.source_at, s.received_at, now, s.good
                )
                for seq, s in numbered
            ],
        )
        journal.put_bookmarks(connection, source, batch.bookmarks)
        journal.append_gaps(
            connection,
            [
                journal.GapRow(source, gap.subject, gap.noticed_at, gap.reason, gap.missed)
                for gap in batch.gaps
            ],
        )
        tally.count(connection, {tally.SIGNALS: len(numbered), tally.GAPS: len(batch.gaps)})
        added, refused = self._look_at(connection, source, numbered, now)
        self._quarantine(connection, refused, now)
        return added

    def again(
        self, connection: sqlite3.Connection, row: journal.SignalRow
    ) -> tuple[int, list[str]]:
        """Judge a signal of the journal by the configuration in force; it stays the evidence.

        Return how many milestones are new, and what is wrong with the signal, if anything is.
        What it led to the first time is recognised, and not concluded again.
        """
        self._go_by(connection)
        signal = Signal(row.subject, row.payload, row.received_at, row.source_at, bool(row.good))
        added, refused = self._look_at(connection, row.source, [(row.seq, signal)], self._clock())
        return added, [reason for _, reason in refused]

    def _look_at(
        self,
        connection: sqlite3.Connection,
        source: str,
        signals: Iterable[tuple[int, Signal]],
        now: int,
    ) -> tuple[int, Refused]:
        observations, malformed = self._decode(source, signals, now)
        added, refused = self._judge(connection, observations, now)
        return added, malformed + refused

    def _decode(
        self, source: str, signals: Iterable[tuple[int, Signal]], now: int
    ) -> tuple[list[Observation], Refused]:
        observations: list[Observation] = []
        refused: Refused = []
        latest = 0
        for seq, signal in signals:
            decoded: Sequence[Observation]
            try:
                decoded = self._decoder.decode(seq, source, signal)
            except Malformed as error:
                refused.append((seq, str(error)))
                decoded = error.observations
            except Exception as error:
                # A fault of ours must not stop the site: the signal that meets it is
                # set apart, acknowledged and shown, the rest goes on.
                log.exception("decoder_failed", signal=seq)
                refused.append((seq, f"the decoder failed on it: {error!r}"))
                continue
            observations += decoded
            self.clocks.hear(source, signal.subject, decoded, now)
            for observation in decoded:
                # Without a time of its own it has that of reception, which confirms nothing.
                if observation.occurred_at != signal.received_at:
                    latest = max(latest, observation.occurred_at)
        if latest:
            self._confirm(latest)
        return observations, refused

    def _judge(
        self, connection: sqlite3.Connection, observations: Sequence[Observation], now: int
    ) -> tuple[int, Refused]:
        try:
            with _all_or_nothing(connection):
                decision = self._engine.collapse(observations, StoredTracks(connection))
                return self._write(connection, decision, now)
        except sqlite3.Error:
            raise  # of the store, not of the engine
        except Exception as error:
            if len(observations) != 1:
                return _sum(self._judge(connection, [one], now) for one in observations)
            # As with a fault of the decoder.
            log.exception("engine_failed", signal=observations[0].signal)
            return 0, [(observations[0].signal, f"the engine failed on it: {error!r}")]

    def expire(self, connection: sqlite3.Connection, heard: Mapping[str, int]) -> tuple[int, bool]:
        """Judge some deadlines; return how many milestones are new, and whether those were all.

        `heard` gives for each of the engine's owners, in its order, the time up to which
        everything that its sources said has been committed.
        """
        self._go_by(connection)
        now = self._clock()
        added = 0
        for owner, until in heard.items():
            horizon = self._engine.horizon(owner, until, StoredTracks(connection))
            keys = tracks.due(connection, owner, horizon, EXPIRE_LIMIT)
            if keys:
                due = [TrackId(owner, key) for key in keys]
                concluded, refused = self._judge_due(connection, due, horizon, now)
                self._quarantine(connection, refused, now)
                added += concluded
            if len(keys) == EXPIRE_LIMIT:
                # In the engine's order: a rule must not conclude that something did not
                # happen which is held, nor a lifecycle give up what a rule has yet to conclude.
                return added, False
        return added, True

    def _judge_due(
        self, connection: sqlite3.Connection, due: Sequence[TrackId], horizon: int, now: int
    ) -> tuple[int, Refused]:
        try:
            with _all_or_nothing(connection):
                decision = self._engine.expire(due, StoredTracks(connection), horizon)
                return self._write(connection, decision, now)
        except sqlite3.Error:
            raise  # of the store, not of the engine
        except Exception as error:
            if len(due) != 1:
                return _sum(self._judge_due(connection, [one], horizon, now) for one in due)
            # As with a fault of the decoder; the deadline is given up, or it would come for ever.
            (track,) = due
            log.exception("engine_failed", owner=track.owner, key=track.key)
            state = tracks.get(connection, *track)
            if state is not None:
                tracks.put(connection, [tracks.TrackRow(*track, state[0], None, now)])
            last = journal.last_of_key(connection, track.key)
            reason = f"rule {track.owner}: the engine failed at its deadline: {error!r}"
            return 0, [] if last is None else [(last, reason)]

    def _write(
        self, connection: sqlite3.Connection, decision: Decision, now: int
    ) -> tuple[int, Refused]:
        return conclusions.write(connection, decision, self._site, self._routes, now)

    def _quarantine(self, connection: sqlite3.Connection, refused: Refused, now: int) -> None:
        if refused:
            journal.quarantine(connection, [(seq, reason, now) for seq, reason in refused])
            tally.count(connection, {tally.QUARANTINED: len(refused)})


def _sum(judged: Iterable[tuple[int, Refused]]) -> tuple[int, Refused]:
    total, refused = 0, Refused()
    for added, more in judged:
        total += added
        refused += more
    return total, refused
