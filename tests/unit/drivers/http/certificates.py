"""Certificates that vouch for themselves, for the tests of encrypted connections."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def certify(
    path: Path,
    name: x509.GeneralName = LOOPBACK,
    *,
    ends: dt.datetime = END,
    password: bytes | None = None,
) -> Path:
    """Write a certificate for that name, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, path.stem)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    locked = (
        serialization.NoEncryption()
        if password is None
        else serialization.BestAvailableEncryption(password)
    )
    pem = serialization.Encoding.PEM
    path.write_bytes(
        made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, locked)
    )
    return path


def server_context(path: Path, client: Path | None = None) -> ssl.SSLContext:
    """Return how a server shows a certificate, and asks for that of a client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if client is not None:
        context.load_verify_locations(client)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
