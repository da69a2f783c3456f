"""The devices on the floor: they say over MQTT and OPC UA what the scenario lets them see."""

import asyncio
import json
from collections.abc import Mapping

from simulators.clock import iso
from simulators.mqtt import Connection
from simulators.plc import Plc
from simulators.scenario import Act, Garbage, Record, Report, Scenario, Transport
from simulators.vehicle import Vehicle


class Floor:
    """A connection for each scanner and station, the vehicles, and the PLC.

    Devices keep what the broker did not acknowledge, in order; vehicles wait
    for the broker before they start an order.
    """

    def __init__(self, scenario: Scenario, controller: Plc, port: int) -> None:
        self.sent = 0
        """Reports and records so far."""
        self._plc = controller
        self._devices = {
            act.device: Connection(act.device, port)
            for act in scenario.acts
            if isinstance(act.message, Report | Garbage)
        }
        self._vehicles = {serial: Vehicle(serial, port) for serial in scenario.vehicles}

    @property
    def states_sent(self) -> int:
        """How many states the vehicles have sent."""
        return sum(vehicle.sent for vehicle in self._vehicles.values())

    @property
    def is_settled(self) -> bool:
        """Whether the broker has everything and every vehicle has told what it did."""
        return all(vehicle.is_idle for vehicle in self._vehicles.values()) and not any(
            connection.unacknowledged for connection in self._connections
        )

    async def run(self) -> None:
        """Stay connected until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for connection in self._devices.values():
                tasks.create_task(connection.run())
            for vehicle in self._vehicles.values():
                tasks.create_task(vehicle.run())

    async def all_up(self) -> None:
        """Wait until every device is connected."""
        for connection in self._connections:
            await connection.is_up.wait()

    async def perform(self, act: Act, started_at: int) -> None:
        """Let a device say its piece; occurrences are counted from `started_at`."""
        match act.message:
            case Report(topic, fields, occurred):
                payload = json.dumps(_timed(fields, started_at, occurred)).encode()
                self._devices[act.device].keep(topic, payload)
                self.sent += 1
            case Garbage(topic, payload):
                self._devices[act.device].keep(topic, payload)
                self.sent += 1
            case Record(fields, occurred):
                await self._plc.record(_timed(fields, started_at, occurred))
                self.sent += 1
            case Transport() as transport:
                self._vehicles[act.device].give(transport)

    async def close(self) -> None:
        """Let every device say goodbye to the broker."""
        await asyncio.gather(
            *(connection.close() for connection in self._devices.values()),
            *(vehicle.close() for vehicle in self._vehicles.values()),
        )

    @property
    def _connections(self) -> list[Connection]:
        return [
            *self._devices.values(),
            *(vehicle.connection for vehicle in self._vehicles.values()),
        ]


def _timed(
    fields: Mapping[str, str | int], started_at: int, occurred: float
) -> dict[str, str | int]:
    return {**fields, "time": iso(started_at + round(occurred * 1000))}
