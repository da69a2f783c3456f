"""An encrypted connection, on which each side proves who it is."""

import ipaddress
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from simulators.broker import Broker
from tests.fault.mqtt_peers import RecordingIntake, listening, running, settings_of, until

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
VALID_UNTIL = datetime(2100, 1, 1, tzinfo=UTC)


def certify(folder: Path, name: str, address: str) -> None:
    """Write NAME.pem, a certificate that vouches for itself, and NAME.key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    host = x509.IPAddress(ipaddress.ip_address(address))
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_UNTIL)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    certify(tmp_path, "broker", "127.0.0.1")
    certify(tmp_path, "elsewhere", "192.0.2.1")
    certify(tmp_path, "ours", "127.0.0.1")
    return tmp_path


def broker_with(certificates: Path, name: str) -> Broker:
    settings = [
        f"certfile {certificates / name}.pem",
        f"keyfile {certificates / name}.key",
        f"cafile {certificates / 'ours'}.pem",
        "require_certificate true",
    ]
    return Broker(certificates / "state", settings=settings)


@pytest.fixture
def tls_broker(certificates: Path) -> Iterator[Broker]:
    with broker_with(certificates, "broker") as broker:
        yield broker


async def test_messages_come_over_an_encrypted_connection(
    tls_broker: Broker, certificates: Path
) -> None:
    intake = RecordingIntake()
    tls = {
        "ca_file": certificates / "broker.pem",
        "certificate_file": certificates / "ours.pem",
        "key_file": certificates / "ours.key",
    }
    async with listening(settings_of(tls_broker.port, "$SYS/broker/version", tls=tls), intake):
        await until(lambda: intake.payloads)
    assert intake.payloads[0].startswith("mosquitto version")


async def test_a_broker_that_nobody_vouches_for_is_refused(
    tls_broker: Broker, certificates: Path
) -> None:
    settings = settings_of(tls_broker.port, tls={"ca_file": certificates / "elsewhere.pem"})
    async with running(settings, RecordingIntake()) as listener:
        assert "does ca_file vouch for the broker" in await listener.ended()


async def test_a_broker_under_another_name_is_refused(certificates: Path) -> None:
    with broker_with(certificates, "elsewhere") as broker:
        settings = settings_of(broker.port, tls={"ca_file": certificates / "elsewhere.pem"})
        async with running(settings, RecordingIntake()) as listener:
            assert "not valid for '127.0.0.1'" in await listener.ended()


async def test_without_our_certificate_the_broker_refuses_us(
    tls_broker: Broker, certificates: Path
) -> None:
    settings = settings_of(tls_broker.port, tls={"ca_file": certificates / "broker.pem"})
    async with running(settings, RecordingIntake()) as listener:
        # The alert that says why may be lost in the reset that follows it.
        ended = await listener.ended()
        assert "connection was lost" in ended
        assert "our certificate? Its log may tell" in ended
    await until(lambda: "peer did not return a certificate" in tls_broker.log)


async def test_a_port_without_encryption_is_told(broker: Broker, certificates: Path) -> None:
    settings = settings_of(broker.port, tls={"ca_file": certificates / "broker.pem"})
    async with running(settings, RecordingIntake()) as listener:
        assert f"cannot connect to 127.0.0.1:{broker.port}" in await listener.ended()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"ca_file": "elsewhere.key"}, r"cannot use \S+elsewhere.key \(.*\); mend ca_file"),
        (
            {"ca_file": "broker.pem", "certificate_file": "ours.pem", "key_file": "elsewhere.key"},
            r"cannot use \S+ours.pem with \S+elsewhere.key \(.*mismatch.*\); mend certificate_file",
        ),
    ],
)
async def test_files_that_cannot_be_used_are_named_and_not_the_network(
    certificates: Path, files: dict[str, str], words: str
) -> None:
    tls = {name: certificates / file for name, file in files.items()}
    async with running(settings_of(1, tls=tls), RecordingIntake()) as listener:
        assert re.match(words, await listener.ended())
