"""What the configuration says about one PLC."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from drivers.contract import SecretFile, Settings

_NODE = re.compile(
    r"(ns=(?P<namespace>\d{1,5});)?"
    r"(i=(?P<number>\d{1,10})|s=.+|g=[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|b=[A-Za-z0-9+/]+=*)"
)


def _node(text: str) -> str:
    """Check the notation of a node id (OPC 10000-6, 5.3.1.10), as far as that goes offline."""
    parts = _NODE.fullmatch(text)
    if parts is None or int(parts["namespace"] or 0) >= 2**16 or int(parts["number"] or 0) >= 2**32:
        raise ValueError(f"{text!r} is not a node id: write it like ns=2;s=Conveyor.Speed")
    return text


def _slot(text: str) -> str:
    if "{slot}" not in text:
        raise ValueError(f"{text!r} does not say where the slot's number goes: write {{slot}}")
    _node(text.replace("{slot}", "0"))
    return text


NodeText = Annotated[str, AfterValidator(_node)]


class RecordBuffer(Settings):
    """A ring of records in the PLC, read forward without missing one."""

    name: str = Field(min_length=1)
    """Subject of its signals."""
    counter: NodeText
    """Node that holds the number of the last record written: 1, 2, 3 and so on."""
    slot: Annotated[str, AfterValidator(_slot)]
    """Node of a slot, `{slot}` standing for its index. Record n is in slot n modulo `slots`."""
    slots: int = Field(ge=2)
    """How many slots there are, from index 0."""


class Variable(Settings):
    """A variable whose changes are signals while the PLC is connected."""

    name: str = Field(min_length=1)
    """Subject of its signals."""
    node: NodeText
    sampling_interval_milliseconds: float | None = Field(default=None, ge=0)
    """How often the PLC looks at it; as often as it publishes, if not given."""
    queue_size: int = Field(default=100, ge=1)
    """How many changes the PLC keeps between two publications; more are a gap."""


class Events(Settings):
    """Events that are signals if they are fired while the PLC is connected."""

    name: str = Field(min_length=1)
    """Subject of their signals."""
    node: NodeText
    """The object that tells them; i=2253 is the server itself, which tells all."""
    type: NodeText
    """Their type. Those of its subtypes are heard, too."""
    queue_size: int = Field(default=100, ge=1)
    """How many events the PLC keeps between two publications."""


class OpcUaSettings(Settings):
    """One PLC."""

    endpoint: str = Field(pattern=r"^opc\.tcp://[^@\s/]+:\d{1,5}(/[^@\s]*)?$")
    """Address of its OPC UA server, like opc.tcp://10.0.0.5:4840."""
    publishing_interval_milliseconds: float = Field(default=100, ge=10, le=10_000)
    """How often the PLC tells what has changed."""
    timeout_seconds: float = Field(default=4, gt=0)
    """How long an answer may take before the connection is given up."""

    security_policy: Literal[
        "none", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"
    ] = "none"
    security_mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    certificate: Path | None = None
    """Our certificate, .der or .pem; the PLC must trust it."""
    private_key: SecretFile | None = None
    """Its key, .der or .pem, without a passphrase."""
    server_certificate: Path | None = None
    """The PLC's certificate, exported from its engineering tool: no other server is accepted."""
    application_uri: str = "urn:milepost:gateway"
    """The URI that our certificate names."""
    username: str | None = None
    password_file: SecretFile | None = None

    record_buffers: tuple[RecordBuffer, ...] = ()
    variables: tuple[Variable, ...] = ()
    events: tuple[Events, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = subjects(self)
        if not names:
            raise ValueError("nothing to listen to: name record_buffers, variables or events")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"named more than once: {', '.join(twice)}")
        files = (self.certificate, self.private_key, self.server_certificate)
        if self.security_policy != "none" and None in files:
            raise ValueError(
                f"security_policy {self.security_policy} needs certificate, private_key"
                " and server_certificate"
            )
        if self.username is not None and self.password_file is None:
            raise ValueError("username needs a password_file")
        if self.username is not None and self.security_policy == "none":
            raise ValueError("username needs a security_policy: else the password can be read")
        return self


def subjects(settings: OpcUaSettings) -> list[str]:
    """Return the subjects that signals can have."""
    names = [buffer.name for buffer in settings.record_buffers]
    names += [variable.name for variable in settings.variables]
    return names + [events.name for events in settings.events]
