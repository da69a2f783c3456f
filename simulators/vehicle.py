"""An autonomous vehicle that speaks VDA 5050 2.1.

`state` is sent on every change and every second, QoS 0; nobody hears it while
the broker is away, so what is finished stays in it until the next order
(VDA 5050 2.1, 6.10.6). `connection` is retained, with a last will (6.14).
"""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.clock import iso, now
from simulators.mqtt import Connection
from simulators.scenario import Transport
from simulators.scenario.model import ACTION_SECONDS, TRAVEL_SECONDS

VERSION = "2.1.0"
MANUFACTURER = "milesim"
REPEAT_SECONDS = 1.0


@dataclass(slots=True)
class Action:
    """One action of an order."""

    id: str
    kind: str
    unit: str
    status: str = "WAITING"

    def as_state(self) -> dict[str, str]:
        """Return it as an element of `actionStates`; a finished one tells the tag that it read."""
        state = {"actionId": self.id, "actionType": self.kind, "actionStatus": self.status}
        if self.status == "FINISHED":
            state["resultDescription"] = self.unit
        return state


class Vehicle:
    """Carries units from the sorter to storage, one order after the other."""

    def __init__(self, serial: str, port: int) -> None:
        self.serial = serial
        self.sent = 0
        """States that went out."""
        self._topic = f"uagv/v2/{MANUFACTURER}/{serial}"
        self._headers = {"state": 0, "connection": 0}
        self._orders: deque[Transport] = deque()
        self._has_order = asyncio.Event()
        self._is_busy = False
        self._order = ""
        self._at_storage = False
        self._is_driving = False
        self._actions: list[Action] = []
        will = json.dumps(self._connection_message("CONNECTIONBROKEN")).encode()
        self.connection = Connection(serial, port, will=(f"{self._topic}/connection", will))

    @property
    def is_idle(self) -> bool:
        """Whether all its orders are done and were told for long enough."""
        return not self._orders and not self._is_busy

    def give(self, transport: Transport) -> None:
        """Hand it an order; it starts when it has heard of it and is free."""
        self._orders.append(transport)
        self._has_order.set()

    async def run(self) -> None:
        """Stay connected, carry out orders and repeat the state, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.connection.run())
            tasks.create_task(self._greet())
            tasks.create_task(self._repeat())
            tasks.create_task(self._work())

    async def close(self) -> None:
        """Go offline in an orderly way."""
        self._say_connection("OFFLINE")
        await self.connection.close()

    async def _greet(self) -> None:
        while True:
            await self.connection.is_up.wait()
            self._say_connection("ONLINE")
            self._tell()
            await self.connection.is_down.wait()

    async def _repeat(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(REPEAT_SECONDS)

    async def _work(self) -> None:
        while True:
            await self._has_order.wait()
            await self.connection.is_up.wait()  # orders come over the broker
            self._is_busy = True
            transport = self._orders.popleft()
            if not self._orders:
                self._has_order.clear()
            await self._carry(transport)
            await self._hold(transport.hold)
            self._is_busy = False

    async def _carry(self, transport: Transport) -> None:
        picks = [Action(f"{transport.order}-p{n}", "pick", u) for n, u in _numbered(transport)]
        drops = [Action(f"{transport.order}-d{n}", "drop", u) for n, u in _numbered(transport)]
        self._order, self._actions, self._at_storage = transport.order, picks + drops, False
        self._tell()
        await self._act(picks)
        self._is_driving = True
        self._tell()
        await asyncio.sleep(TRAVEL_SECONDS)
        self._is_driving, self._at_storage = False, True
        await self._act(drops)

    async def _act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            for status, seconds in ACTION_SECONDS.items():
                action.status = status
                self._tell()
                await asyncio.sleep(seconds)
            action.status = "FINISHED"
            self._tell()

    async def _hold(self, seconds: float) -> None:
        """Wait until the finished actions have been told for so long without interruption."""
        while True:
            await self.connection.is_up.wait()
            self._tell()
            try:
                await asyncio.wait_for(self.connection.is_down.wait(), seconds)
            except TimeoutError:
                return

    def _tell(self) -> None:
        if self.connection.is_up.is_set():
            payload = json.dumps(self._state(), separators=(",", ":")).encode()
            self.sent += self.connection.offer(f"{self._topic}/state", payload)

    def _say_connection(self, state: str) -> None:
        payload = json.dumps(self._connection_message(state)).encode()
        self.connection.keep(f"{self._topic}/connection", payload, retain=True)

    def _state(self) -> dict[str, object]:
        carried = {a.unit for a in self._actions if a.kind == "pick" and a.status == "FINISHED"}
        dropped = {a.unit for a in self._actions if a.kind == "drop" and a.status == "FINISHED"}
        ahead = [] if self._at_storage or not self._order else ["storage"]
        return {
            **self._header("state"),
            "orderId": self._order,
            "orderUpdateId": 0,
            "lastNodeId": "storage" if self._at_storage else "sorter",
            "lastNodeSequenceId": 2 if self._at_storage else 0,
            "nodeStates": [{"nodeId": n, "sequenceId": 2, "released": True} for n in ahead],
            "edgeStates": [
                {"edgeId": f"sorter-{n}", "sequenceId": 1, "released": True} for n in ahead
            ],
            "agvPosition": {
                "x": 40.0 if self._at_storage else 0.0,
                "y": 0.0,
                "theta": 0.0,
                "mapId": "dc-north",
                "positionInitialized": True,
            },
            "driving": self._is_driving,
            "paused": False,
            "loads": [{"loadId": unit} for unit in sorted(carried - dropped)],
            "actionStates": [action.as_state() for action in self._actions],
            "batteryState": {"batteryCharge": 80.0, "charging": False},
            "operatingMode": "AUTOMATIC",
            "errors": [],
            "information": [],
            "safetyState": {"eStop": "NONE", "fieldViolation": False},
        }

    def _connection_message(self, state: str) -> dict[str, object]:
        return {**self._header("connection"), "connectionState": state}

    def _header(self, topic: str) -> dict[str, object]:
        self._headers[topic] += 1
        return {
            "headerId": self._headers[topic],
            "timestamp": iso(now()),
            "version": VERSION,
            "manufacturer": MANUFACTURER,
            "serialNumber": self.serial,
        }


def _numbered(transport: Transport) -> enumerate[str]:
    return enumerate(transport.units, start=1)
