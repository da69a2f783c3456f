"""Two network namespaces with a cable between them, whose faults the kernel makes. For root.

The test, and every process that it starts, lives in the outer namespace; the daemon alone
is put into the inner one. So broker, ERP and devices share a loopback interface that stays
whole, and only what passes between them and the daemon meets a fault.
"""

import asyncio
import contextlib
import ctypes
import itertools
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.proxy import Proxy

_CLONE_NEWNET = 0x40000000
_NUMBERS = itertools.count(1)
_libc = ctypes.CDLL(None, use_errno=True)


def why_not() -> str | None:
    """Return what this machine lacks for it; None if nothing."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    missing = [tool for tool in ("ip", "nft", "nsenter") if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


@dataclass(frozen=True, slots=True)
class Cable:
    """The cable between the namespaces. Its faults are those of the daemon's packets."""

    inner: str
    """Name of the daemon's namespace."""
    outer: str
    inner_address: str = "10.9.0.1"
    outer_address: str = "10.9.0.2"

    @property
    def under(self) -> Sequence[str]:
        """The command that puts what it starts into the inner namespace."""
        return ("nsenter", f"--net=/run/netns/{self.inner}")

    @contextlib.contextmanager
    def reaches(self, port: int) -> Iterator[None]:
        """Let the daemon reach a server on the outer loopback, at outer_address and its port."""
        loop = asyncio.new_event_loop()
        proxy = Proxy(port, host=self.outer_address, port=port)
        loop.run_until_complete(proxy.open())
        thread = threading.Thread(target=loop.run_forever, name="proxy")
        thread.start()
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(proxy.close(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def drop(self, *, percent: int = 100, ports: Sequence[int] = ()) -> None:
        """Lose so many of the packets, either way; only those of connections to `ports`, if given.

        Nobody is told: a connection that stood is half-open at both ends.
        """
        chance = f"numgen random mod 100 < {percent}" if percent < 100 else ""
        self._fault("output", f"{_of(ports, 'dport')} {chance} drop")
        self._fault("input", f"{_of(ports, 'sport')} {chance} drop")

    def drop_answers(self, port: int) -> None:
        """Lose what comes back from `port`, while what is sent there arrives."""
        self._fault("input", f"tcp sport {port} drop")

    def reset(self, port: int) -> None:
        """Answer every packet to `port` with a TCP reset, as a firewall that says no."""
        self._fault("output", f"tcp dport {port} reject with tcp reset")

    def mend(self) -> None:
        """Let everything pass again."""
        for chain in ("output", "input"):
            self._inside("nft", "flush", "chain", "inet", "fault", chain)

    def unplug(self) -> None:
        """Take the daemon's end of the link down, as if its cable were pulled."""
        _run("ip", "-n", self.inner, "link", "set", "inner", "down")

    def plug_in(self) -> None:
        """Take the link up again."""
        _run("ip", "-n", self.inner, "link", "set", "inner", "up")

    def _fault(self, chain: str, rule: str) -> None:
        self._inside("nft", "add", "rule", "inet", "fault", chain, *rule.split())

    def _inside(self, *command: str) -> None:
        _run(*self.under, *command)


@contextlib.contextmanager
def two_namespaces() -> Iterator[Cable]:
    """Make the namespaces and live in the outer one; remove both, whatever happens."""
    number = next(_NUMBERS)
    names = [f"milepost-{os.getpid()}-{number}-{side}" for side in ("inner", "outer")]
    inner, outer = names
    with contextlib.ExitStack() as undo:
        for name in names:
            _run("ip", "netns", "add", name)
            undo.callback(_run, "ip", "netns", "delete", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        ends = ("inner", "type", "veth", "peer", "name", "outer", "netns", outer)
        _run("ip", "-n", inner, "link", "add", *ends)
        cable = Cable(inner, outer)
        for name, link, address in (
            (inner, "inner", cable.inner_address),
            (outer, "outer", cable.outer_address),
        ):
            _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", link)
            _run("ip", "-n", name, "link", "set", link, "up")
        cable._inside("nft", "add", "table", "inet", "fault")
        for hook in ("output", "input"):
            chain = f"{{ type filter hook {hook} priority 0; }}"
            cable._inside("nft", "add", "chain", "inet", "fault", hook, chain)
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        undo.callback(os.close, home)
        undo.callback(_enter, home)
        with (Path("/run/netns") / outer).open() as namespace:
            _enter(namespace.fileno())
        yield cable


def _of(ports: Sequence[int], direction: str) -> str:
    return f"tcp {direction} {{ {', '.join(map(str, ports))} }}" if ports else ""


def _enter(namespace: int) -> None:
    """Move this thread, and the threads and processes that it starts, to another namespace."""
    if _libc.setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
