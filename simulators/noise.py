"""Telemetry: many signals of which none is a fact."""

import asyncio
import json
import math
from random import Random

from simulators import plc
from simulators.clock import iso, now
from simulators.mqtt import Connection

MQTT_SHARE = 0.6
_TICK_SECONDS = 0.05

_METRICS = tuple(
    (f"dc/telemetry/{device}/{metric}", base)
    for device in ("conveyor-1", "conveyor-2", "sorter-1", "palletizer-1", "cold-room-1")
    for metric, base in (("temperature", 21.0), ("vibration", 0.8), ("power", 4.2))
)
_OFTEN = (plc.MOTOR_CURRENT, plc.MOTOR_CURRENT, plc.SORTER_SPEED, plc.PHOTO_EYE)
_NAMES = tuple(plc.VARIABLES)
_RARELY = 0.02


class Noise:
    """Changes of PLC variables and telemetry over MQTT, at a rate in signals per second."""

    def __init__(
        self, controller: plc.Plc, connection: Connection, rate: float, states: float, seed: int
    ) -> None:
        """Make `rate` signals per second, of which `states` are sent by the vehicles."""
        self.sent = 0
        """Signals that went out."""
        self._plc = controller
        self._connection = connection
        self._mqtt_rate = max(0.0, MQTT_SHARE * rate - states)
        self._plc_rate = (1 - MQTT_SHARE) * rate
        self._rng = Random(seed)
        self._eye = False

    async def run(self) -> None:
        """Make noise until cancelled; after a delay it does not catch up."""
        loop = asyncio.get_running_loop()
        telemetry = changes = 0.0
        last = loop.time()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            elapsed, last = min(1.0, loop.time() - last), loop.time()
            telemetry += elapsed * self._mqtt_rate
            changes += elapsed * self._plc_rate
            while telemetry >= 1:
                telemetry -= 1
                self._measure()
            while changes >= 1:
                changes -= 1
                await self._change(last)

    def _measure(self) -> None:
        topic, base = self._rng.choice(_METRICS)
        value = round(base * self._rng.uniform(0.9, 1.1), 3)
        payload = json.dumps({"time": iso(now()), "value": value}).encode()
        self.sent += self._connection.offer(topic, payload)

    async def _change(self, seconds: float) -> None:
        rng = self._rng
        name = rng.choice(_NAMES if rng.random() < _RARELY else _OFTEN)
        if isinstance(plc.VARIABLES[name], bool):
            self._eye = not self._eye
            await self._plc.set(name, self._eye)
        else:
            wave = 1.0 + 0.1 * math.sin(seconds) + rng.uniform(0.0, 0.05)
            await self._plc.set(name, round(3.5 * wave, 4))
        self.sent += 1
