"""Settings of an MQTT source."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, FilePath, model_validator

from drivers.contract import SecretFile, Settings

SEVEN_DAYS = 7 * 24 * 3600


def _check_filter(topic: str) -> str:
    """Refuse what MQTT 5.0, section 4.7, does not allow as a topic filter."""
    if not topic or "\0" in topic or len(topic.encode()) > 65_535:  # noqa: PLR2004 - 4.7.3
        raise ValueError("a topic filter has 1 to 65,535 bytes and no NUL")
    levels = topic.split("/")
    for position, level in enumerate(levels, start=1):
        if "#" in level and (level != "#" or position != len(levels)):
            raise ValueError(f"{topic}: '#' stands alone, as the last level")
        if "+" in level and level != "+":
            raise ValueError(f"{topic}: '+' stands for a whole level")
    return topic


TopicFilter = Annotated[str, AfterValidator(_check_filter)]


class Subscription(Settings):
    """What to listen to."""

    topic: TopicFilter
    """Topic filter; `+` stands for one level, `#` for all that follow."""
    qos: Literal[0, 1, 2] = 1
    """0 may lose messages; 1 and 2 are acknowledged only after commit."""


class Tls(Settings):
    """How the connection is encrypted and who vouches for whom. The broker's name is checked."""

    ca_file: FilePath | None = None
    """Certificates that vouch for the broker; without it, those that the system trusts."""
    certificate_file: FilePath | None = None
    """Our own certificate, where the broker asks for one."""
    key_file: SecretFile | None = None
    """Its private key."""

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self


class MqttSettings(Settings):
    """An MQTT 5 broker to listen to."""

    host: str = Field(min_length=1)
    """Name or address of the broker."""
    port: int = Field(default=1883, ge=1, le=65_535)
    """TCP port; with TLS usually 8883."""
    client_id: str = Field(min_length=1, max_length=65_535)
    """The broker keeps messages for this name: fixed, and used by no other client."""
    username: str | None = None
    """User name, where the broker asks for one."""
    password_file: SecretFile | None = None
    """File that holds the password."""
    tls: Tls | None = None
    """Encrypt the connection; without it everything travels in the clear."""
    keepalive_seconds: int = Field(default=10, ge=2, le=65_535)
    """The connection counts as lost when the broker has been silent for so long."""
    receive_maximum: int = Field(default=2_000, ge=1, le=65_535)
    """How many unacknowledged messages the broker may send: throughput is this per commit time."""
    session_expiry_seconds: int = Field(default=SEVEN_DAYS, ge=1, le=0xFFFF_FFFF)
    """How long the broker keeps messages for us while we are away."""
    maximum_packet_bytes: int = Field(default=16 * 1024 * 1024, ge=1_024, le=268_435_460)
    """The broker withholds larger messages, and says so to nobody."""
    subscriptions: tuple[Subscription, ...] = Field(min_length=1)
    """What to listen to."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file without username")
        topics = [subscription.topic for subscription in self.subscriptions]
        for topic in topics:
            if topics.count(topic) > 1:
                raise ValueError(f"{topic} is subscribed to twice")
        return self


def subjects(settings: MqttSettings) -> Iterator[str]:
    """Yield filters for the topics that can come."""
    for subscription in settings.subscriptions:
        topic = subscription.topic
        yield topic
        if topic.startswith("$share/"):  # MQTT 5.0, section 4.8.2: a group, then the filter
            yield from topic.split("/", 2)[2:]
        elif topic.startswith("$"):  # some brokers have such prefixes: $queue/, $exclusive/
            yield from topic.split("/", 1)[1:]
