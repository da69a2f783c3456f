"""asyncua's client, put together without what would act behind our back.

Its supervisor, its watchdog and its publish loop reconnect a client that cannot
be reused against a PLC that has fallen silent, and acknowledge what was never
committed.
"""

import logging

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_session import UaSession
from asyncua.crypto import security_policies
from asyncua.ua.uaerrors import UaError

from drivers.contract import read_secret
from drivers.opcua.settings import OpcUaSettings

_SESSION_MILLISECONDS = 30_000


class _Session(UaSession):
    def ensure_publish_loop(self) -> None:
        """Start no loop: publish requests are sent by `Connection.publish`."""


def client_of(settings: OpcUaSettings) -> Client:
    """Return a client that has sent nothing yet."""
    _quieten()
    client = Client(settings.endpoint, timeout=settings.timeout_seconds)
    client.name = client.description = "Milepost"
    client.application_uri = settings.application_uri
    client.session_timeout = _SESSION_MILLISECONDS
    client.uaclient.session = _Session(client.uaclient)
    return client


async def log_in(client: Client, settings: OpcUaSettings) -> None:
    """Connect, open the secure channel and a session in it; raises whatever asyncua does."""
    if settings.security_policy != "none":
        assert settings.certificate is not None
        assert settings.private_key is not None
        assert settings.server_certificate is not None
        await client.set_security(
            getattr(security_policies, f"SecurityPolicy{settings.security_policy}"),
            settings.certificate,
            settings.private_key,
            server_certificate=str(settings.server_certificate),
            mode=ua.MessageSecurityMode[settings.security_mode],
        )
    password = read_secret(settings.password_file) if settings.password_file else None
    await client.connect_socket()
    await client.send_hello()
    try:
        await client.open_secure_channel()
    except (TimeoutError, ConnectionError) as error:
        if settings.security_policy == "none":
            raise
        raise UaError(
            "it answers, but opens no secure channel: is server_certificate its certificate,"
            " and does it trust ours?"
        ) from error
    await client.create_session()
    await client.activate_session(username=settings.username, password=password)


def _quieten() -> None:
    """Let asyncua log only what no exception tells: what it cannot make sense of on the wire."""
    for name, level in (
        ("asyncua", logging.ERROR),
        ("asyncua.client.ua_session", logging.CRITICAL),
    ):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(level)
