"""PLCs for tests of the OPC UA driver: real asyncua servers, in this process or in another.

As a program (`python -m tests.fault.opcua_plc PORT FILE`) it is the simulated
conveyor PLC, reads lines "COUNT RATE" and writes that many records, that many a
second.
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import ClassVar, Self
from unittest import mock

from asyncua import ua
from asyncua.common.node import Node
from asyncua.common.utils import ServiceError
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from cryptography.x509.oid import ExtendedKeyUsageOID

from simulators import plc as simulator
from simulators.ports import free_port

START = ua.DateTime(2026, 3, 1, 8, tzinfo=UTC)

_ANYTHING = ua.NodeId(ua.Int32(ObjectIds.BaseDataType))


class Ring:
    """A record buffer of the PLC."""

    def __init__(self, plc: "Plc", name: str, slots: int) -> None:
        self.plc = plc
        self.name = name
        self.slots = slots
        self.counter = 0

    @property
    def settings(self) -> dict[str, object]:
        return {
            "name": self.name,
            "counter": f"ns=2;s={self.name}.Counter",
            "slot": f"ns=2;s={self.name}.Slot{{slot}}",
            "slots": self.slots,
        }

    async def write(self, count: int = 1) -> None:
        """Write records as a PLC does: the slot, then the counter."""
        for _ in range(count):
            await self.put(self.counter + 1)
            await self.count(self.counter + 1)

    async def put(self, number: int, content: object = None) -> None:
        """Write only a slot."""
        slot = f"{self.name}.Slot{number % self.slots}"
        await self.plc.set(slot, f'{{"n":{number}}}' if content is None else content)

    async def count(self, counter: int) -> None:
        """Write only the counter."""
        self.counter = counter
        await self.plc.set(f"{self.name}.Counter", ua.Variant(counter, ua.VariantType.UInt32))


PASSWORD = "correct horse"


class _Users(UserManager):
    def get_user(
        self,
        iserver: InternalServer,  # noqa: ARG002 - asyncua's signature
        username: str | None = None,
        password: str | None = None,
        certificate: object = None,  # noqa: ARG002 - asyncua's signature
    ) -> User | None:
        if username is None or (username, password) == ("milepost", PASSWORD):
            return User(role=UserRole.User)
        return None


@dataclass(frozen=True)
class Identity:
    """Certificate and key of one side."""

    certificate: Path
    private_key: Path

    @classmethod
    async def make(cls, folder: Path, name: str, uri: str) -> Self:
        made = cls(folder / f"{name}.der", folder / f"{name}.pem")
        await setup_self_signed_certificate(
            made.private_key,
            made.certificate,
            uri,
            "localhost",
            [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH],
            {"commonName": name},
        )
        return made


class Plc:
    """An OPC UA server in this process; its values survive `restart`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"opc.tcp://127.0.0.1:{self.port}"
        self.server = Server()
        self._made = 0

    async def start(self, identity: "Identity | None" = None) -> None:
        """Listen; with an identity also encrypted, for the user "milepost"."""
        await self.server.init()
        self.server.set_endpoint(self.endpoint)
        policies = [ua.SecurityPolicyType.NoSecurity]
        if identity is not None:
            policies.append(ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt)
            await self.server.load_certificate(identity.certificate)
            await self.server.load_private_key(identity.private_key)
            self.server.iserver.user_manager = _Users()
        self.server.set_security_policy(policies)
        await self.server.register_namespace("urn:test")
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()

    async def break_down(self) -> None:
        """Close the port and all connections."""
        assert self.server.bserver is not None
        await self.server.bserver.stop()
        for subscription in list(self.subscriptions):
            await self.server.iserver.subscription_service.delete_subscriptions([subscription])

    async def come_back(self) -> None:
        """Listen again, with the values of before and nothing else."""
        assert self.server.bserver is not None
        await self.server.bserver.start()

    @property
    def subscriptions(self) -> Mapping[int, InternalSubscription]:
        return self.server.iserver.subscription_service.subscriptions

    @property
    def subscription(self) -> InternalSubscription:
        """The only subscription there is, as the server sees it."""
        (subscription,) = self.subscriptions.values()
        return subscription

    @contextlib.contextmanager
    def limited(self, nodes_per_read: int) -> Iterator[None]:
        """Refuse to read more nodes in one request, as small PLCs do."""
        service = self.server.iserver.attribute_service
        read = service.read

        def refuse(params: ua.ReadParameters) -> list[ua.DataValue]:
            if len(params.NodesToRead) > nodes_per_read:
                raise ServiceError(StatusCodes.BadTooManyOperations)
            return read(params)

        with mock.patch.object(service, "read", refuse):  # asyncua's server has no such limit
            yield

    @contextlib.contextmanager
    def never_pausing(self, ring: "Ring") -> Iterator[None]:
        """Write the next record whenever slots are read, as a PLC under load does."""
        service = self.server.iserver.attribute_service
        read = service.read
        writing: set[asyncio.Task[None]] = set()

        def write_on(params: ua.ReadParameters) -> list[ua.DataValue]:
            if any(".Slot" in str(each.NodeId.Identifier) for each in params.NodesToRead):
                writing.add(asyncio.ensure_future(ring.write()))
            return read(params)

        with mock.patch.object(service, "read", write_on):  # it has to happen at this very moment
            yield

    async def ring(self, slots: int, empty: str | bytes = "") -> Ring:
        """Add a record buffer, and nothing in it."""
        self._made += 1
        ring = Ring(self, f"ring{self._made}", slots)
        folder = await self._folder(ring.name)
        await self._add(folder, f"{ring.name}.Counter", ua.Variant(0, ua.VariantType.UInt32))
        for slot in range(slots):
            await self._add(folder, f"{ring.name}.Slot{slot}", ua.Variant(empty))
        return ring

    def next_name(self) -> str:
        """Return the name that the next variable will have."""
        return f"variable{self._made + 1}"

    async def variable(self, value: object) -> str:
        """Add a variable and return its name."""
        name = self.next_name()
        self._made += 1
        await self._add(await self._folder(name), name, ua.Variant(value))
        await self.set(name, value)
        return name

    async def set(
        self,
        name: str,
        value: object,
        source_time: ua.DateTime | None = START,
        status: int = 0,
    ) -> None:
        """Write a value with the time and status that the PLC gives it."""
        variant = value if isinstance(value, ua.Variant) else ua.Variant(value)
        data = ua.DataValue(variant, ua.StatusCode(ua.UInt32(status)), source_time)
        await self.server.write_attribute_value(_id(name), data)

    async def _folder(self, name: str) -> Node:
        # Adding a node costs time proportional to its siblings.
        return await self.server.nodes.objects.add_folder(_id(f"{name}."), f"2:{name}.")

    async def _add(self, folder: Node, name: str, value: ua.Variant) -> None:
        # Of these asyncua does not know the data type; any other may become null later.
        unknown = {ua.VariantType.ExtensionObject, ua.VariantType.Variant}
        data_type = _ANYTHING if value.VariantType in unknown else None
        node = await folder.add_variable(_id(name), f"2:{name}", value, datatype=data_type)
        await node.set_writable()


def _id(name: str) -> ua.NodeId:
    return ua.NodeId.from_string(f"ns=2;s={name}")


def later(milliseconds: int) -> ua.DateTime:
    """Return a source time after the first."""
    return START + timedelta(milliseconds=milliseconds)


class PlcProcess:
    """The simulated conveyor PLC in a process of its own; its ring survives the process."""

    RING: ClassVar[dict[str, object]] = {
        "name": "conveyor",
        "counter": f"ns=2;s={simulator.COUNTER}",
        "slot": f"ns=2;s={simulator.SLOT}",
        "slots": simulator.SLOTS,
    }

    def __init__(self, retain: Path) -> None:
        self.port = free_port()
        self.endpoint = f"opc.tcp://127.0.0.1:{self.port}"
        self.retain = retain
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.fault.opcua_plc",
            str(self.port),
            str(self.retain),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline() == b"ready\n"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            await self.kill()

    def write(self, count: int, rate: int) -> None:
        """Let it write that many records, that many a second."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{count} {rate}\n".encode())

    async def kill(self) -> None:
        """End the process at once, with whatever it is doing."""
        self._process.kill()
        await self._process.wait()

    def written(self) -> int:
        """Return how many records it has kept."""
        return self.retain.read_bytes().count(b"\n")


async def _main(port: int, retain: Path) -> None:
    plc = simulator.Plc(port, simulator.Memory(retain))
    await plc.start()
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        count, rate = (int(word) for word in line.split())
        begin = loop.time()
        for written in range(1, count + 1):
            await plc.record({})
            if (ahead := begin + written / rate - loop.time()) > 0:
                await asyncio.sleep(ahead)
            elif written % 20 == 0:
                await asyncio.sleep(0)  # behind its pace; others must have their turn
    await plc.stop()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), Path(sys.argv[2])))
