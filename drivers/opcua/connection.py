"""One session with a PLC: all input and output of this driver.

Every call raises LinkDown if it fails, except where it says otherwise.
Publishing is ours, not asyncua's (see `publish`).
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError, UaStructParsingError

from drivers.contract import LinkDown
from drivers.opcua.client import client_of, log_in
from drivers.opcua.failures import told_as_link_down
from drivers.opcua.settings import OpcUaSettings

NODES_PER_REQUEST = 500
_SUBSCRIPTION_LIFETIME_MILLISECONDS = 60_000
_KEEP_ALIVE_MILLISECONDS = 1_000
_FAREWELL_SECONDS = 2.0
_NOTIFICATIONS_PER_PUBLISH = 1_000
_TOO_LARGE = {
    StatusCodes.BadTooManyOperations,
    StatusCodes.BadEncodingLimitsExceeded,
    StatusCodes.BadResponseTooLarge,
    StatusCodes.BadRequestTooLarge,
    StatusCodes.BadTcpMessageTooLarge,
}


class Unreadable(Exception):
    """A notification came that cannot be decoded; the session goes on."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the PLC agreed to for a subscription."""

    subscription: int
    publishing_seconds: float
    silence_seconds: float
    """The longest time between two publish responses."""


def readable(node: str) -> ua.ReadValueId:
    """Return what names the value of a node in a request."""
    return ua.ReadValueId(NodeId=ua.NodeId.from_string(node), AttributeId=AttributeIds.Value)


_SERVER_STATE = readable(f"i={ObjectIds.Server_ServerStatus_State}")


class Connection:
    """A session with a PLC, from `open` to `close`."""

    def __init__(self, settings: OpcUaSettings) -> None:
        """Prepare a session; nothing is sent before `open`."""
        self._settings = settings
        self._client = client_of(settings)
        self._nodes_per_request = NODES_PER_REQUEST
        self._renew_at = 0.0

    @classmethod
    async def open(cls, settings: OpcUaSettings) -> Self:
        """Connect and log in."""
        connection = cls(settings)
        try:
            with connection._told():
                await log_in(connection._client, settings)
                connection._plan_renewal()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def read(self, nodes: Sequence[ua.ReadValueId]) -> list[ua.DataValue]:
        """Read values, in as many requests as the PLC needs, one after the other."""
        values: list[ua.DataValue] = []
        while len(values) < len(nodes):
            stretch = nodes[len(values) : len(values) + self._nodes_per_request]
            with self._told():
                try:
                    request = ua.ReadParameters(NodesToRead=list(stretch))
                    answer = await self._client.uaclient.session.read(request)
                except UaStatusCodeError as error:
                    if error.code not in _TOO_LARGE or len(stretch) == 1:
                        raise
                    self._nodes_per_request = len(stretch) // 2
                    continue
            self._check(len(answer), len(stretch))
            values += answer
        return values

    async def references(
        self, node: ua.NodeId, kind: int, *, forward: bool = False
    ) -> list[ua.ReferenceDescription]:
        """Return what leads to the node, or away from it, by references of a kind."""
        ways = ua.BrowseDirection
        browse = ua.BrowseDescription(
            NodeId=node,
            BrowseDirection=ways.Forward if forward else ways.Inverse,
            ReferenceTypeId=ua.NodeId(ua.Int32(kind)),
            ResultMask=ua.UInt32(ua.BrowseResultMask.All),
        )
        session = self._client.uaclient.session
        found: list[ua.ReferenceDescription] = []
        with self._told():
            answers = await session.browse(ua.BrowseParameters(NodesToBrowse=[browse]))
        while True:
            self._check(len(answers), 1)
            found += answers[0].References or ()
            if not (rest := answers[0].ContinuationPoint):
                return found
            with self._told():
                more = ua.BrowseNextParameters(
                    ReleaseContinuationPoints=False, ContinuationPoints=[rest]
                )
                answers = await session.browse_next(more)

    async def subscribe(self) -> Terms:
        """Create an empty subscription that says at least every second that it lives."""
        interval = self._settings.publishing_interval_milliseconds
        keep_alive = max(1, round(_KEEP_ALIVE_MILLISECONDS / interval))
        lifetime = max(round(_SUBSCRIPTION_LIFETIME_MILLISECONDS / interval), 3 * keep_alive)
        request = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=interval,
            RequestedMaxKeepAliveCount=keep_alive,
            RequestedLifetimeCount=lifetime,
            MaxNotificationsPerPublish=_NOTIFICATIONS_PER_PUBLISH,
            PublishingEnabled=True,
        )
        with self._told():
            session = self._client.uaclient.session
            result = await session.create_subscription(request, callback=_unused)
        seconds = result.RevisedPublishingInterval / 1_000
        return Terms(result.SubscriptionId, seconds, seconds * result.RevisedMaxKeepAliveCount)

    async def monitor(
        self, subscription: int, items: Sequence[ua.MonitoredItemCreateRequest]
    ) -> list[ua.StatusCode]:
        """Add items to the subscription and return for each what the PLC says to it."""
        statuses: list[ua.StatusCode] = []
        for start in range(0, len(items), NODES_PER_REQUEST):
            stretch = items[start : start + NODES_PER_REQUEST]
            request = ua.CreateMonitoredItemsParameters(
                SubscriptionId=subscription,
                TimestampsToReturn=ua.TimestampsToReturn.Source,
                ItemsToCreate=list(stretch),
            )
            with self._told():
                results = await self._client.uaclient.session.create_monitored_items(request)
            self._check(len(results), len(stretch))
            statuses += [result.StatusCode for result in results]
        return statuses

    async def publish(
        self, acknowledgements: list[ua.SubscriptionAcknowledgement], silence_seconds: float
    ) -> ua.PublishResult:
        """Acknowledge what is committed and wait for the next notification or keep-alive.

        Raises:
            Unreadable: A notification came and cannot be decoded.
            LinkDown: Nothing came for `silence_seconds` and the time of an answer.

        """
        patience = silence_seconds + self._settings.timeout_seconds
        with self._told(patience):
            try:
                async with asyncio.timeout(patience):
                    response = await self._client.uaclient.session.publish(acknowledgements)
            except UaStructParsingError as error:
                cause = error.__cause__
            else:
                response.ResponseHeader.ServiceResult.check()
                result: ua.PublishResult = response.Parameters
                return result
        raise Unreadable(repr(cause)) from cause

    async def keep(self) -> None:
        """Show that we live and see that the PLC does; renew the secure channel in time."""
        await self.read([_SERVER_STATE])
        if asyncio.get_running_loop().time() >= self._renew_at:
            with self._told():
                await self._client.open_secure_channel(renew=True)
                self._client.uaclient.revolve_security_token()
            self._plan_renewal()

    async def close(self) -> None:
        """End session and subscription, politely if the PLC answers; raises nothing."""
        protocol = self._client.uaclient.protocol
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self._client.close_session()
                await self._client.close_secure_channel()
        except Exception:  # noqa: BLE001, S110 - the session is given up, whatever the PLC says to that
            pass
        finally:
            self._client.disconnect_socket()
            if protocol is not None and protocol.transport is not None:
                protocol.transport.abort()  # a silent peer would keep a closing socket for ever
                await asyncio.sleep(0)

    def _plan_renewal(self) -> None:
        """Renew when three quarters of the token's life are over (OPC 10000-4, 5.6.2.1)."""
        lifetime = self._client.secure_channel_timeout / 1_000
        self._renew_at = asyncio.get_running_loop().time() + 0.75 * lifetime

    def _check(self, answers: int, questions: int) -> None:
        if answers != questions:
            raise LinkDown(
                f"the PLC at {self._settings.endpoint} gives {answers} answers"
                f" to {questions} questions: its OPC UA server is faulty"
            )

    def _told(self, seconds: float | None = None) -> AbstractContextManager[None]:
        return told_as_link_down(self._settings.endpoint, seconds or self._settings.timeout_seconds)


def _unused(_result: ua.PublishResult) -> None:
    """Stand where asyncua wants a callback for its own publish loop."""
