"""Variables: each change a signal, acknowledged when it is committed."""

from collections.abc import Callable, Mapping, Sequence

from asyncua import ua

from drivers.contract import Batch, Clock, Gap, LinkDown, Signal
from drivers.opcua.connection import Connection, Terms, Unreadable, readable
from drivers.opcua.failures import describe
from drivers.opcua.handoff import Handoff
from drivers.opcua.notifications import fingerprint, missed_between, next_number, overflowed
from drivers.opcua.settings import Variable
from drivers.opcua.values import encode, milliseconds

PART = "variables"
"""Stands for all variables, where a time or a loss cannot be told to one of them."""


class Subscription:
    """The one subscription of a session: the variables, and the counters to be woken by."""

    def __init__(
        self,
        connection: Connection,
        handoff: Handoff,
        clock: Clock,
        variables: Sequence[Variable],
        bookmarks: Mapping[str, bytes],
    ) -> None:
        """Count in the variables; `bookmarks` are those of the source as last committed."""
        self._connection = connection
        self._handoff = handoff
        self._clock = clock
        self._variables = dict(enumerate(variables))
        self._bookmarks = dict(bookmarks)
        self._wake: dict[int, Callable[[], None]] = {}
        self._refused: set[int] = set()
        self._expected = 1
        self._lag = 0
        self._terms: Terms
        if variables:
            handoff.expect(PART)

    async def open(self, counters: Mapping[str, Callable[[], None]]) -> None:
        """Subscribe to the variables, and to counters by their nodes, with whom to wake."""
        self._terms = await self._connection.subscribe()
        sampling = [item.sampling_interval_milliseconds or 0 for item in self._variables.values()]
        self._lag = round(2 * max([self._terms.publishing_seconds * 1_000, *sampling]))
        await self._monitor(list(self._variables))
        first = len(self._variables)
        self._wake = dict(enumerate(counters.values(), first))
        # Whether a counter is refused is told by its reader, who looks at it in any case.
        items = [_item(handle, node) for handle, node in enumerate(counters, first)]
        await self._connection.monitor(self._terms.subscription, items)

    async def retry_refused(self) -> None:
        """Ask again for the variables that the PLC refused: its program may be loaded by now."""
        await self._monitor(sorted(self._refused))

    async def run(self) -> None:
        """Take in notifications, commit and then acknowledge them, until the link is down."""
        committed: list[ua.SubscriptionAcknowledgement] = []
        while True:
            try:
                result = await self._connection.publish(committed, self._terms.silence_seconds)
            except Unreadable as error:
                committed = []
                self._expected = next_number(self._expected)
                await self._lost(f"a notification of the PLC cannot be decoded: {error}")
                continue
            except LinkDown as down:
                if isinstance(down.__cause__, ua.uaerrors.BadNoSubscription):
                    await self._lost("the PLC ended the subscription: what it still held is lost")
                raise
            received_at = self._clock()
            await self._take_in(result, received_at)
            message = result.NotificationMessage
            committed = [
                ua.SubscriptionAcknowledgement(result.SubscriptionId, message.SequenceNumber)
            ]
            if not message.NotificationData:  # a keep-alive: its number is not yet used
                committed = []
            if self._variables and not result.MoreNotifications:
                self._handoff.heard(PART, received_at - self._lag)

    async def _take_in(self, result: ua.PublishResult, received_at: int) -> None:
        """Commit all that a publish response says."""
        await self._judge_number(result.NotificationMessage)
        for notification in result.NotificationMessage.NotificationData or ():
            if isinstance(notification, ua.DataChangeNotification):
                await self._commit(notification.MonitoredItems, received_at)
            elif isinstance(notification, ua.StatusChangeNotification):
                why = f"the PLC ended the subscription: {describe(notification.Status.value)}"
                await self._lost(why)
                raise LinkDown(why)

    async def _judge_number(self, message: ua.NotificationMessage) -> None:
        """Notice what is missing before this message."""
        number = message.SequenceNumber
        missed = missed_between(self._expected, number)
        if message.NotificationData:
            self._expected = next_number(number)
        elif missed:
            self._expected = number
        if missed:
            await self._lost(f"{missed} notifications of the PLC did not arrive")

    async def _commit(
        self, changes: Sequence[ua.MonitoredItemNotification], received_at: int
    ) -> None:
        """Commit what is new among the changes, and the bookmarks that tell new from repeated."""
        signals: list[Signal] = []
        gaps: list[Gap] = []
        bookmarks: dict[str, bytes] = {}
        for change in changes:
            if (wake := self._wake.get(change.ClientHandle)) is not None:
                wake()
                continue
            if (variable := self._variables.get(change.ClientHandle)) is None:
                raise LinkDown(
                    f"the PLC tells of an item that nobody asked for, number {change.ClientHandle}:"
                    " its OPC UA server is faulty"
                )
            name, value = variable.name, change.Value
            status = value.StatusCode or ua.StatusCode()
            payload = encode(value.Value.Value if value.Value is not None else None)
            if overflowed(status.value):
                reason = "it changed more often than queue_size allows between two publications"
                gaps.append(Gap(name, received_at, reason))
            said = fingerprint(payload, value.SourceTimestamp, status.value)
            bookmark = f"value:{name}"
            if self._bookmarks.get(bookmark) != said:
                self._bookmarks[bookmark] = bookmarks[bookmark] = said
                source_at = milliseconds(value.SourceTimestamp)
                signals.append(Signal(name, payload, received_at, source_at, status.is_good()))
        if signals or gaps:
            await self._handoff.commit(Batch(signals, bookmarks, gaps))

    async def _lost(self, reason: str) -> None:
        """Record a loss that cannot be told to one variable."""
        if self._variables:
            await self._handoff.commit(Batch(gaps=[Gap(PART, self._clock(), reason)]))

    async def _monitor(self, handles: Sequence[int]) -> None:
        """Add variables to the subscription and keep account of those refused."""
        link = self._handoff.link
        items = [
            _item(handle, item.node, item.sampling_interval_milliseconds, item.queue_size)
            for handle in handles
            for item in [self._variables[handle]]
        ]
        statuses = await self._connection.monitor(self._terms.subscription, items)
        for handle, status in zip(handles, statuses, strict=True):
            variable = self._variables[handle]
            if status.is_good():
                self._refused.discard(handle)
                link.mended(variable.name)
            else:
                self._refused.add(handle)
                link.fault(
                    variable.name,
                    f"the PLC refuses node {variable.node}: {describe(status.value)};"
                    " check the node id against the PLC's program",
                )


def _item(
    handle: int, node: str, sampling_milliseconds: float | None = None, queue_size: int = 1
) -> ua.MonitoredItemCreateRequest:
    """Return the request to watch a node; without sampling, as often as is published."""
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=readable(node),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=handle,
            SamplingInterval=-1.0 if sampling_milliseconds is None else sampling_milliseconds,
            QueueSize=queue_size,
            DiscardOldest=True,
        ),
    )
