"""A process that listens and can be killed: python tests/fault/mqtt_listener.py PORT FILE.

Each batch is a line of the file, written and synced before it is acknowledged.
"""

import asyncio
import base64
import json
import os
import sys
from pathlib import Path

from drivers.contract import Batch, Link, system_clock
from drivers.mqtt.source import MqttSource
from tests.fault.mqtt_peers import settings_of

SIGNAL_SECONDS = 0.0005
"""For each signal, after a commit and before its acknowledgement: here the process likes to die."""


def read(file: Path) -> tuple[list[str], dict[str, bytes]]:
    """Return the payloads and the bookmarks that are committed."""
    payloads: list[str] = []
    bookmarks: dict[str, bytes] = {}
    for line in file.read_text().splitlines(keepends=True) if file.exists() else ():
        if not line.endswith("\n"):
            break
        batch = json.loads(line)
        payloads += batch["payloads"]
        for key, value in batch["bookmarks"].items():
            if value is None:
                bookmarks.pop(key, None)
            else:
                bookmarks[key] = base64.b64decode(value)
    return payloads, bookmarks


class FileIntake:
    def __init__(self, file: Path) -> None:
        self._bookmarks = read(file)[1]
        self._file = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._order = asyncio.Lock()

    async def bookmarks(self) -> dict[str, bytes]:
        return self._bookmarks

    async def commit(self, batch: Batch) -> None:
        bookmarks = {
            key: None if value is None else base64.b64encode(value).decode()
            for key, value in batch.bookmarks.items()
        }
        payloads = [each.payload.decode() for each in batch.signals]
        line = json.dumps({"payloads": payloads, "bookmarks": bookmarks}) + "\n"
        async with self._order:
            os.write(self._file, line.encode())
            os.fsync(self._file)
            await asyncio.sleep(SIGNAL_SECONDS * len(batch.signals))


if __name__ == "__main__":
    port, file = int(sys.argv[1]), Path(sys.argv[2])
    source = MqttSource(settings_of(port, receive_maximum=20), system_clock)
    asyncio.run(source.run(FileIntake(file), Link("floor", system_clock)))
