"""Variables and events: each change or event a signal, acknowledged when it is committed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from asyncua import ua

from drivers.contract import Batch, Clock, Gap, LinkDown, Signal
from drivers.opcua.connection import Connection, Terms, Unreadable, readable
from drivers.opcua.definitions import Definitions
from drivers.opcua.events import TIME, NotSelectable, Selection, overflowed, select
from drivers.opcua.failures import describe
from drivers.opcua.handoff import Handoff
from drivers.opcua.notifications import fingerprint, lost_changes, missed_between, next_number
from drivers.opcua.settings import Events, Variable
from drivers.opcua.values import encode, milliseconds

PART = "variables and events"
"""Stands for all of them, where a time or a loss cannot be told to one."""


class Subscription:
    """The one subscription of a session: variables, events, and the counters to be woken by."""

    def __init__(
        self,
        connection: Connection,
        handoff: Handoff,
        clock: Clock,
        watched: Sequence[Variable | Events],
        bookmarks: Mapping[str, bytes],
    ) -> None:
        """Count in what is watched; `bookmarks` are those of the source as last committed."""
        self._connection = connection
        self._definitions = Definitions(connection, handoff.link)
        self._handoff = handoff
        self._clock = clock
        self._watched = dict(enumerate(watched))
        self._selections: dict[int, Selection] = {}
        self._begun: list[str] = []
        """Events that are heard since the last publication."""
        self._bookmarks = dict(bookmarks)
        self._wake: dict[int, Callable[[], None]] = {}
        self._refused: set[int] = set()
        self._expected = 1
        self._lag = 0
        self._terms: Terms
        if watched:
            handoff.expect(PART)

    async def open(self, counters: Mapping[str, Callable[[], None]]) -> None:
        """Subscribe to what is watched, and to counters by their nodes, with whom to wake."""
        self._terms = await self._connection.subscribe()
        variables = [each for each in self._watched.values() if isinstance(each, Variable)]
        sampling = [each.sampling_interval_milliseconds or 0 for each in variables]
        self._lag = round(2 * max([self._terms.publishing_seconds * 1_000, *sampling]))
        await self._monitor(list(self._watched))
        first = len(self._watched)
        self._wake = dict(enumerate(counters.values(), first))
        # Whether a counter is refused is told by its reader, who looks at it in any case.
        items = [_item(handle, node) for handle, node in enumerate(counters, first)]
        await self._connection.monitor(self._terms.subscription, items)

    async def retry_refused(self) -> None:
        """Ask again for what the PLC refused to tell: its program may be loaded by now."""
        self._definitions.retry()
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
            if self._watched and not result.MoreNotifications:
                self._handoff.heard(PART, received_at - self._lag)

    async def _take_in(self, result: ua.PublishResult, received_at: int) -> None:
        """Commit all that a publish response says."""
        await self._commit_begun(received_at)
        await self._judge_number(result.NotificationMessage)
        for notification in result.NotificationMessage.NotificationData or ():
            if isinstance(notification, ua.DataChangeNotification):
                await self._commit(notification.MonitoredItems, received_at)
            elif isinstance(notification, ua.EventNotificationList):
                await self._commit_events(notification.Events, received_at)
            elif isinstance(notification, ua.StatusChangeNotification):
                why = f"the PLC ended the subscription: {describe(notification.Status.value)}"
                await self._lost(why)
                raise LinkDown(why)

    async def _commit_begun(self, received_at: int) -> None:
        """Record that what was fired since the last session is lost: no server keeps it."""
        if self._begun:
            reason = "what was fired while nobody listened is lost: the PLC does not keep it"
            bookmarks = {f"events:{name}": b"" for name in self._begun}
            again = [name for name in self._begun if f"events:{name}" in self._bookmarks]
            gaps = [Gap(name, received_at, reason) for name in again]
            self._begun.clear()
            await self._handoff.commit(Batch((), bookmarks, gaps))

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
            name, value = self._name(change.ClientHandle), change.Value
            status = value.StatusCode or ua.StatusCode()
            payload = encode(await self._definitions.plain(name, value.Value))
            if lost_changes(status.value):
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

    async def _commit_events(self, events: Sequence[ua.EventFieldList], received_at: int) -> None:
        """Commit events: none is told twice, as no other session hears of the same."""
        signals: list[Signal] = []
        gaps: list[Gap] = []
        for event in events:
            name = self._name(event.ClientHandle)
            selection = self._selections.get(event.ClientHandle)
            if selection is None or len(event.EventFields) != len(selection.names):
                raise LinkDown(
                    f"the PLC tells events of {name} with fields that nobody asked for:"
                    " its OPC UA server is faulty"
                )
            fields = selection.fields(event.EventFields)
            if overflowed(fields):
                reason = "more was fired than queue_size allows between two publications"
                gaps.append(Gap(name, received_at, reason))
                continue
            payload = encode(await self._definitions.plain(name, fields))
            time = fields[TIME].Value if TIME in fields else None
            source_at = milliseconds(time) if isinstance(time, datetime) else None
            signals.append(Signal(name, payload, received_at, source_at))
        await self._handoff.commit(Batch(signals, gaps=gaps))

    def _name(self, handle: int) -> str:
        if (watched := self._watched.get(handle)) is None:
            raise LinkDown(
                f"the PLC tells of an item that nobody asked for, number {handle}:"
                " its OPC UA server is faulty"
            )
        return watched.name

    async def _lost(self, reason: str) -> None:
        """Record a loss that cannot be told to one variable or kind of events."""
        if self._watched:
            await self._handoff.commit(Batch(gaps=[Gap(PART, self._clock(), reason)]))

    async def _monitor(self, handles: Sequence[int]) -> None:
        """Add what is watched to the subscription and keep account of what is refused."""
        items: dict[int, ua.MonitoredItemCreateRequest] = {}
        for handle in handles:
            match self._watched[handle]:
                case Variable() as each:
                    sampling = each.sampling_interval_milliseconds
                    items[handle] = _item(handle, each.node, sampling, each.queue_size)
                case Events() as each:
                    try:
                        selection = await select(self._connection, handle, each)
                    except NotSelectable as error:
                        self._refuse(handle, str(error))
                    else:
                        self._selections[handle] = selection
                        items[handle] = selection.item
        statuses = await self._connection.monitor(self._terms.subscription, list(items.values()))
        for handle, status in zip(items, statuses, strict=True):
            each = self._watched[handle]
            if status.is_good():
                self._refused.discard(handle)
                self._handoff.link.mended(each.name)
                if isinstance(each, Events):
                    self._begun.append(each.name)
            else:
                why = f"the PLC refuses node {each.node}: {describe(status.value)}"
                self._refuse(handle, f"{why}; check the node id against the PLC's program")

    def _refuse(self, handle: int, why: str) -> None:
        self._refused.add(handle)
        self._handoff.link.fault(self._watched[handle].name, why)


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
