"""A real MQTT broker, mosquitto, as a process of our own with a configuration of its own."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from simulators.ports import HOST, free_port

START_SECONDS = 10.0
STOP_SECONDS = 10.0


class BrokerFailed(Exception):
    """The broker is not installed, or does not start or stop; the message says what to do."""


class Broker:
    """A mosquitto process on the loopback interface, with its state in `directory`.

    It keeps sessions and everything queued for them, whatever their QoS and
    number, across `stop` and `start`; `kill` loses at most the last
    `autosave_seconds`. Calls block for some tens of milliseconds.

    With a password file (mosquitto_passwd(1)) anonymous clients are refused;
    an ACL file (mosquitto.conf(5), acl_file) restricts topics. `settings` are
    further lines for mosquitto.conf.
    """

    host = HOST

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        *,
        password_file: Path | None = None,
        acl_file: Path | None = None,
        autosave_seconds: int = 1,
        settings: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        self.port = port or free_port()
        self.log_file = directory / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._configuration = [
            f"listener {self.port} {HOST}",
            # Started as root, mosquitto would become a user who may not write here.
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",
            f"allow_anonymous {'false' if password_file else 'true'}",
            "persistence true",
            f"persistence_location {directory}/",
            f"autosave_interval {autosave_seconds}",
            "max_inflight_messages 0",
            "max_queued_messages 0",
            "queue_qos0_messages true",
            "set_tcp_nodelay true",
            *([f"password_file {password_file}"] if password_file else []),
            *([f"acl_file {acl_file}"] if acl_file else []),
            *settings,
        ]

    @property
    def log(self) -> str:
        """What mosquitto logged, over all starts."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start mosquitto; return when it accepts connections.

        Raises:
            BrokerFailed: It is not installed or does not come up.

        """
        # It lives in sbin, which is not on every user's path.
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
        executable = shutil.which("mosquitto", path=path)
        if executable is None:
            raise BrokerFailed("mosquitto is not installed; on Debian: apt-get install mosquitto")
        if self._accepts():
            raise BrokerFailed(f"port {self.port} is in use by another process")
        self.directory.mkdir(parents=True, exist_ok=True)
        configuration = self.directory / "mosquitto.conf"
        configuration.write_text("\n".join(self._configuration) + "\n", encoding="utf-8")
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the arguments are our own
                [executable, "-c", str(configuration)], stdout=log, stderr=log
            )
        self._wait_until_it_accepts(self._process)

    def stop(self) -> None:
        """End it with SIGTERM; it saves its state first. Does nothing if it does not run."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise BrokerFailed(f"mosquitto did not stop within {STOP_SECONDS:.0f} s") from None
        self._process = None

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop it and start it again on the same port with the same state."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_it_accepts(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if self._accepts():
                return
            time.sleep(0.01)
        self.kill()
        last = "\n".join(self.log.splitlines()[-5:])
        raise BrokerFailed(f"mosquitto does not accept connections on port {self.port}:\n{last}")

    def _accepts(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1):
                return True
        except OSError:
            return False
