"""The daemon as it is installed, and the devices it listens to, as processes of their own."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.waiting import until
from buffer import tally
from buffer.opening import read_only
from edge.control.client import Control, NotRunning

MILEPOST = Path(sys.executable).with_name("milepost")
REPOSITORY = Path(__file__).parent.parent
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
SITE = "https://bench.example"
DESTINATION = "erp"

CONFIGURATION = """
[site]
name = "bench"
uri = "{site}"

[store]
path = "{store}"

[control]
socket = "{socket}"

[sources.floor]
driver = "mqtt"
host = "127.0.0.1"
port = {mqtt_port}
client_id = "milepost-bench"
subscriptions = [{{ topic = "scan/#", qos = 1 }}, {{ topic = "telemetry/#", qos = 1 }}]

[destinations.{destination}]
driver = "http"
url = "{url}"
look_up = "{url}/{{id}}"
{settings}

[[observations]]
source = "floor"
subject = "scan/+"
format = "json"
kind = "scan"
time = "time"
fields = {{ unit = "unit", read_point = "subject/1" }}

[rules.received]
operator = "one"
milestone = "received"
about = "unit"
of = {{ kind = "scan", where = {{ read_point = "dock" }} }}

[rules.stored]
operator = "one"
milestone = "stored"
about = "unit"
of = {{ kind = "scan", where = {{ read_point = "rack" }} }}

[lifecycles.inbound]
stages = ["received"]
wait_seconds = 5
"""


class Gateway:
    """The daemon, over a broker and an ERP that listen on loopback ports."""

    def __init__(
        self,
        directory: Path,
        mqtt_port: int,
        erp_url: str,
        environment: Mapping[str, str] | None = None,
        *,
        settings: str = "",
    ) -> None:
        """`environment` is added to that of this process, `settings` to the destination's."""
        directory.mkdir(parents=True, exist_ok=True)
        self.store = directory / "milepost.db"
        self.configuration = directory / "milepost.toml"
        self._log = directory / "daemon.log"
        self._control = Control(directory / "control.sock")
        self._environment = {**os.environ, **(environment or {})}
        self._exits = ExitStack()
        self.configuration.write_text(
            CONFIGURATION.format(
                site=SITE,
                store=self.store,
                socket=directory / "control.sock",
                mqtt_port=mqtt_port,
                destination=DESTINATION,
                url=erp_url,
                settings=settings,
            ),
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        """Start it; return when its source is connected."""
        log = self._exits.enter_context(self._log.open("ab"))
        self._process = subprocess.Popen(
            [MILEPOST, "run", "--config", self.configuration],
            stdout=log,
            stderr=log,
            env=self._environment,
        )
        self._exits.callback(_end, self._process)
        try:
            until(self._is_listening, f"the daemon listens; see {self._log}")
            connection = sqlite3.connect(read_only(self.store), uri=True, isolation_level=None)
            self._reader = self._exits.enter_context(closing(connection))
        except BaseException:
            self._exits.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._exits.close()

    def signals(self) -> int:
        """Return how many signals are committed."""
        return self._tally(tally.SIGNALS)

    def delivered(self) -> int:
        """Return how many entries are settled as delivered."""
        return self._tally(tally.entries(DESTINATION, "delivered"))

    def milestones(self, name: str) -> int:
        """Return how many milestones of a name are committed."""
        return self._tally(tally.milestones(name))

    def intake_times(self, count: int) -> list[float]:
        """Return the ms from publishing to the transaction, of the newest signals."""
        rows = self._reader.execute(
            "SELECT recorded_at - json_extract(payload, '$.time') FROM journal "
            "ORDER BY seq DESC LIMIT ?",
            (count,),
        )
        return [float(ms) for (ms,) in rows]

    def cpu_seconds(self) -> float:
        """Return the processor time it has used so far (proc(5), stat: utime and stime)."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def peak_memory(self) -> float:
        """Return the most memory it has held resident so far, in MB (proc(5), status: VmHWM)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1000

    def _is_listening(self) -> bool:
        assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
        try:
            links = self._control.health().facts.links
        except NotRunning:
            return False
        return all(link.is_up for link in links if link.direction == "source")

    def _tally(self, name: str) -> int:
        row = self._reader.execute("SELECT n FROM tally WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])


class Devices:
    """The publisher (see `bench.publisher`), connected and ready to begin."""

    def __init__(
        self,
        mqtt_port: int,
        count: int,
        *,
        scan_every: int = 100,
        rate: float = 0,
        read_point: str = "dock",
    ) -> None:
        self._arguments = {
            "port": mqtt_port,
            "count": count,
            "scan-every": scan_every,
            "rate": rate,
            "read-point": read_point,
        }

    def __enter__(self) -> Self:
        options = [f"--{name}={value}" for name, value in self._arguments.items()]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.publisher", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        self._expect("ready")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _end(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def begin(self) -> None:
        """Begin to publish."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said == f"{word}\n", f"the publisher said {said!r}, not {word!r}"


def _end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """End a process of ours; it may have ended already."""
    process.kill()
    process.wait()
