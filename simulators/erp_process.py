"""The simulated ERP as a process of its own, started and ordered about from here."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from simulators.erp import Booking, read_book, read_times
from simulators.ports import HOST, number, reserve

STOP_SECONDS = 10.0


class ErpFailed(Exception):
    """The ERP does not start, does not stop, or refuses an order; the message says what to do."""


class ErpProcess:
    """An ERP on the loopback interface, with its book in `directory`.

    Its addresses stay the same over `stop`, `kill` and `start`, and nothing
    else can take its ports meanwhile. Calls block for some tens of
    milliseconds, `start` for about a second.
    """

    def __init__(
        self,
        directory: Path,
        *,
        seed: int = 0,
        certificate: Path | None = None,
        client_ca: Path | None = None,
    ) -> None:
        """With a certificate (PEM, with its key) it serves over TLS.

        With a client's CA (PEM) it lets in only who shows a certificate of that CA.
        """
        self.directory = directory
        self.log_file = directory / "erp.log"
        self._seed = seed
        self._encryption: list[str | Path] = []
        if certificate is not None:
            self._encryption += ["--certificate", certificate]
        if client_ca is not None:
            self._encryption += ["--client-ca", client_ca]
        self._reserved = [reserve(), reserve()]
        self._port, self._control_port = map(number, self._reserved)
        self._control = httpx.Client(
            base_url=f"http://{HOST}:{self._control_port}", trust_env=False, timeout=10
        )
        self._process: subprocess.Popen[str] | None = None
        door = f"{'http' if certificate is None else 'https'}://{HOST}:{self._port}"
        self.url = f"{door}/milestones"
        """Where milestones are posted."""
        self.look_up = f"{self.url}/{{id}}"
        """Where one is asked for, by its idempotency key."""
        self.token_url = f"{door}/token"
        """Where an OAuth 2 client fetches its tokens, if `access` names one."""

    def start(self) -> None:
        """Start it; return when it accepts connections. Its faults are none, its book is kept.

        Raises:
            ErpFailed: It does not come up.

        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the arguments are our own
                [
                    *(sys.executable, "-m", "simulators.erp"),
                    *("--port", str(self._port), "--control-port", str(self._control_port)),
                    *("--book", str(self.directory / "book.db"), "--seed", str(self._seed)),
                    *self._encryption,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=Path(__file__).parent.parent,
            )
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            said = lines.readline()
        if said != "ready\n":
            self.kill()
            raise ErpFailed(
                f"the simulated ERP does not start:\n{self.log_file.read_text()[-2000:]}"
            )

    def stop(self) -> None:
        """End it with SIGTERM. Does nothing if it does not run.

        Raises:
            ErpFailed: It did not end, or not as it should.

        """
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ErpFailed(f"the simulated ERP did not stop in {STOP_SECONDS:.0f} s") from None
        if code != 0:
            raise ErpFailed(f"the simulated ERP ended with {code}; see {self.log_file}")

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop it, and give up its ports."""
        try:
            self.stop()
        finally:
            self._control.close()
            for port in self._reserved:
                port.close()

    def state(self) -> dict[str, Any]:
        """Return what it counts.

        mode, bookings, posts (requests), tokens (asked for), repeats (a key
        posted again), mismatches (a key posted again with other bytes), faults
        (how often each was met).
        Everything but bookings counts from its start.
        """
        return self._ask("GET", "/state")

    def faults(self, **changes: object) -> dict[str, Any]:
        """Change its faults (see `simulators.erp.faults.Faults`); return those in force."""
        return self._ask("POST", "/faults", changes)

    def access(self, **asked_for: object) -> None:
        """Ask for these credentials and no others (see `simulators.erp.access.Access`).

        Tokens that were issued before end.
        """
        self._ask("POST", "/access", asked_for)

    @contextlib.contextmanager
    def faulty(self, **changes: object) -> Iterator[None]:
        """Put faults in force for the duration of a with block."""
        before = self.faults()
        self.faults(**changes)
        try:
            yield
        finally:
            self.faults(**{name: before[name] for name in changes})

    def down(self) -> contextlib.AbstractContextManager[None]:
        """Refuse connections, and drop those that stand, for the duration of a with block."""
        return self.faulty(down=True)

    def book(self) -> list[Booking]:
        """Return everything it has booked, in the order of booking; it need not run."""
        return read_book(self.directory / "book.db")

    def booked_at(self) -> list[int]:
        """Return when each booking was made, in order: milliseconds since the Unix epoch."""
        return read_times(self.directory / "book.db")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = self._control.request(method, path, json=body)
        if answer.is_error:
            raise ErpFailed(f"the simulated ERP refuses {method} {path}: {answer.text}")
        told: dict[str, Any] = answer.json()
        return told
