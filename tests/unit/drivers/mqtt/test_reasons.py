"""Why a connection broke ends with what to look at."""

import errno
import ssl
from pathlib import Path

import pytest

from drivers import mqtt
from drivers.mqtt.reasons import connection_lost

PAGE = Path(mqtt.__file__).with_name("README.md").read_text(encoding="utf-8")
RESET = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
ALERT = ssl.SSLError(1, "[SSL] tlsv13 alert certificate required")
ALERT.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"


@pytest.mark.parametrize(
    ("error", "is_encrypted", "words"),
    [
        (
            RESET,
            False,
            "lost: Connection reset by peer; was the broker restarted? Its log may tell",
        ),
        (RESET, True, "was the broker restarted, or does it refuse our certificate?"),
        (ALERT, True, "lost: tlsv13 alert certificate required; does the broker accept our"),
        (TimeoutError(errno.ETIMEDOUT, "x"), False, "lost: Connection timed out; check the net"),
        (OSError(errno.EHOSTUNREACH, "x"), True, "lost: No route to host; check the network"),
        (ConnectionAbortedError(), False, "lost: ConnectionAbortedError; was the broker"),
        (None, False, "the broker closed the connection without saying why; its log may tell"),
    ],
)
def test_a_lost_connection_is_told_with_what_to_look_at(
    error: Exception | None, *, is_encrypted: bool, words: str
) -> None:
    told = connection_lost(error, is_encrypted=is_encrypted)
    assert words in told
    fact = told.partition(":")[0] if error else told.partition(";")[0]
    assert f"| {fact}" in PAGE
