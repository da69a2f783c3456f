"""One connection to a broker: what it sends is handed in, and acknowledged once committed."""

import asyncio
import ssl
from collections import Counter
from functools import partial

from drivers.contract import (
    Batch,
    Clock,
    Intake,
    Link,
    LinkDown,
    Signal,
    read_secret,
)
from drivers.mqtt import reasons
from drivers.mqtt.barrier import Barrier, Proof
from drivers.mqtt.client import Client
from drivers.mqtt.commits import Commits
from drivers.mqtt.packets import Delivery
from drivers.mqtt.redelivery import Deliveries
from drivers.mqtt.session import Session
from drivers.mqtt.settings import MqttSettings, Tls

CONNECT_SECONDS = 10.0
PING_SECONDS = 1.0
"""How often the broker is asked for a sign of life: `heard_until` moves as often."""
CLOSE_SECONDS = 1.0
UNDER_WAY_BYTES = 16 * 1024 * 1024
"""Above this, the broker is not read from. QoS 0 has no other bound."""
OVERHEAD_BYTES = 2 * 1024
"""Of a message under way, beside its payload: at worst, it is a batch of its own."""


class Connection:
    """One connection, from the first packet to the last."""

    def __init__(
        self, settings: MqttSettings, clock: Clock, intake: Intake, link: Link, *, is_last: bool
    ) -> None:
        """`is_last` says that it is kept, even if the broker may hold messages back."""
        self._settings = settings
        self._clock = clock
        self._intake = intake
        self._link = link
        self._is_last = is_last
        self._loop = asyncio.get_running_loop()
        self._client = Client(
            settings, received=self._hand_in, released=self._release, answered=self._prove
        )
        self._commits = Commits(intake, self._fail)
        self._error: BaseException | None = None
        self._deliveries = Deliveries({})
        self._acknowledged = 0
        # Half: what is left of it when mosquitto has spent the other; see _may_hold_back.
        self._barrier = Barrier((settings.receive_maximum + 1) // 2)
        self._arrived = Counter[int]()
        """Messages by their QoS."""
        self._had_much = False
        """The broker had kept so much for us that it may hold some of it back."""
        self._resume = self._loop.create_future()
        """Done when the session is to be taken up by a new connection."""
        self._proving = False
        self._paused = False
        self._hears_all = False

    async def open(self) -> None:
        """Connect, take up the session and subscribe."""
        bookmarks = await self._intake.bookmarks()
        self._deliveries = Deliveries(bookmarks)
        self._acknowledged = self._deliveries.last
        await self._connect()
        terms = await self._client.log_in(_password(self._settings))
        session = Session(self._client, self._settings, self._intake, self._link, self._clock)
        await session.take_up(terms, bookmarks, self._deliveries)
        self._hears_all = not session.is_refused
        # What was kept is sent before SUBSCRIBE is answered.
        too_many = self._settings.receive_maximum // 2
        self._had_much = terms.session_present and self._arrived.total() >= too_many
        self._link.up()

    async def listen(self) -> None:
        """Ask for signs of life; the rest happens as packets come.

        Returns when the session is to be taken up by a new connection.

        Raises:
            LinkDown: The connection is over.

        """
        ended, resume = self._client.ended, self._resume
        while not (ended.done() or resume.done()):
            await asyncio.wait(
                (ended, resume), timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            silence = self._loop.time() - self._client.stream.heard_at
            if silence > self._settings.keepalive_seconds and not self._paused:
                self._client.end(f"the broker has been silent for {silence:.0f} s")
            elif not ended.done():
                self._barrier.ping(self._clock(), self._acknowledged)
                self._client.ping()
        if ended.done():
            raise self._error or LinkDown(ended.result())

    async def settle(self, seconds: float | None) -> None:
        """Read no more; wait until what was received is committed and acknowledged."""
        self._client.stream.pause()
        await self._commits.drain(seconds)
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """Take leave, so that the broker keeps the session, and close."""
        await self._commits.drain(0)
        if not self._client.ended.done():
            self._client.disconnect()
        await self._client.stream.finish(CLOSE_SECONDS)

    async def _connect(self) -> None:
        settings = self._settings
        where = f"{settings.host}:{settings.port}"
        encryption = _tls(settings.tls) if settings.tls else None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._loop.create_connection(
                    lambda: self._client.stream,
                    settings.host,
                    settings.port,
                    ssl=encryption,
                )
        except TimeoutError:
            raise LinkDown(
                f"{where} does not answer within {CONNECT_SECONDS:.0f} s; "
                "check host and port, the network and its firewalls"
            ) from None
        except OSError as error:
            raise LinkDown(
                reasons.no_connection(where, error, is_encrypted=bool(settings.tls))
            ) from error

    def _hand_in(self, arrived: list[Delivery]) -> None:
        """Commit what one read has yielded; acknowledge it then."""
        if not arrived:
            return
        self._arrived.update(each.qos for each in arrived)
        now = self._clock()
        signals = [
            Signal(each.topic, each.payload, now)
            for each in arrived
            if not self._deliveries.is_committed(each)
        ]
        tracked = [each for each in arrived if each.qos]
        for each in tracked:
            self._barrier.received(each.packet_id)
        batch = Batch(signals, self._deliveries.add(tracked))
        size = sum(len(each.payload) + OVERHEAD_BYTES for each in arrived)
        then = partial(self._acknowledge, tracked, self._deliveries.last)
        self._commits.submit(batch, size, then)
        if self._commits.size > UNDER_WAY_BYTES and not self._paused:
            self._paused = True
            self._client.stream.pause()

    def _acknowledge(self, tracked: list[Delivery], number: int) -> None:
        self._client.acknowledge(tracked)
        self._acknowledged = number
        for each in tracked:
            if each.qos == 1:
                self._barrier.released(each.packet_id)
        if self._paused and self._commits.size <= UNDER_WAY_BYTES // 2:
            self._paused = False
            self._client.stream.resume()

    def _release(self, packet_id: int) -> None:
        self._barrier.released(packet_id)

    def _prove(self) -> None:
        """Draw the conclusion from a ping's answer, once all that came before is committed."""
        proof = self._barrier.answered()
        # One at a time: while the intake is stalled, answers go on coming.
        if proof is not None and not self._proving:
            self._proving = True
            self._commits.after(partial(self._conclude, proof))

    def _may_hold_back(self) -> bool:
        """Whether mosquitto may never send some messages of the session on this connection.

        If it keeps QoS 0, too (`queue_qos0_messages`), and has more than it may
        send at once, it takes other messages for sent in place of those, up to
        2.0.22; and it counts those as in flight for ever, also in 2.1. The next
        connection mends both. While little was kept, half of Receive Maximum is left.
        """
        return self._had_much and self._arrived[0] > 0 and not self._is_last

    def _conclude(self, proof: Proof) -> None:
        self._proving = False
        if proof.complete:  # and committed
            if self._may_hold_back():
                self._take_up_anew()
            elif self._hears_all:  # of a topic that is refused, silence says nothing
                self._link.heard(proof.sent_at)
        outdated = self._deliveries.forget(proof.acknowledged)
        if outdated:
            self._commits.submit(Batch(bookmarks=outdated), 0, lambda: None)

    def _take_up_anew(self) -> None:
        """Have `listen` return, so that the session is taken up by a new connection."""
        if not self._resume.done():
            self._resume.set_result(None)

    def _fail(self, error: BaseException) -> None:
        self._error = error
        self._client.end("the store has failed")


def _tls(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:
        raise LinkDown(
            f"cannot use {tls.ca_file} ({error.strerror}); mend ca_file, or who may read it"
        ) from error
    if tls.certificate_file is not None:
        try:
            context.load_cert_chain(tls.certificate_file, tls.key_file)
        except OSError as error:
            raise LinkDown(
                f"cannot use {tls.certificate_file} with {tls.key_file} ({error.strerror}); "
                "mend certificate_file and key_file, or who may read them"
            ) from error
    return context


def _password(settings: MqttSettings) -> str | None:
    if settings.password_file is None:
        return None
    try:
        return read_secret(settings.password_file)
    except OSError as error:
        raise LinkDown(
            f"cannot read the password in {settings.password_file} ({error.strerror}); "
            "mend password_file, or who may read it"
        ) from error
