"""The simulated ERP lets in only who shows what it asks for."""

import base64
import time
from collections.abc import Iterator

import httpx
import pytest

from simulators.erp.access import Access, Doorkeeper
from simulators.erp_process import ErpFailed, ErpProcess
from tests.unit.simulators.erp_client import BODY, headers_of, lines


@pytest.fixture
def guarded(shared: ErpProcess) -> Iterator[ErpProcess]:
    yield shared
    shared.access()


def post_as(erp: ErpProcess, key: str, **shown: str) -> int:
    named = {name.replace("_", "-"): value for name, value in shown.items()}
    headers = headers_of(key) | named
    return httpx.post(erp.url, headers=headers, content=BODY, verify=False).status_code


def test_only_who_shows_what_is_asked_for_is_let_in(guarded: ErpProcess) -> None:
    guarded.access(bearer="abc")
    assert post_as(guarded, "e0") == 401
    assert post_as(guarded, "e0", authorization="Bearer abd") == 401
    assert lines(guarded, "e0") == []
    assert httpx.get(guarded.look_up.format(id="e0"), verify=False).status_code == 401
    assert post_as(guarded, "e0", authorization="Bearer abc") == 201

    guarded.access(basic="milepost:pass")
    pair = base64.b64encode(b"milepost:pass").decode()
    assert post_as(guarded, "e1", authorization="Bearer abc") == 401
    assert post_as(guarded, "e1", authorization="Basic !") == 401
    assert post_as(guarded, "e1", authorization=f"Basic {pair}") == 201

    with pytest.raises(ErpFailed, match="kerberos"):
        guarded.access(kerberos="yes")


def test_a_client_gets_a_token_that_ends(guarded: ErpProcess) -> None:
    guarded.access(client="milepost:secret", token_seconds=1)
    form = {"grant_type": "client_credentials"}

    def fetch(**changed: str) -> httpx.Response:
        return httpx.post(guarded.token_url, data=form | changed, verify=False)

    assert fetch().status_code == 401
    assert fetch(client_id="milepost", client_secret="wrong").status_code == 401
    right = {"client_id": "milepost", "client_secret": "secret"}
    assert fetch(**right, grant_type="password").json()["error"] == "unsupported_grant_type"
    told = fetch(**right).json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 1)
    shown = f"Bearer {told['access_token']}"
    assert post_as(guarded, "f0", authorization=shown) == 201
    deadline = time.monotonic() + 30
    while post_as(guarded, "f0", authorization=shown) != 401:
        assert time.monotonic() < deadline, "the token does not end"
        time.sleep(0.05)


def test_a_signature_is_verified_over_the_bytes_that_came(guarded: ErpProcess) -> None:
    # The example of the Standard Webhooks libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    doorkeeper = Doorkeeper(Access(signature=secret))
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    body = b'{"test": 2432232314}'
    assert doorkeeper.refuses(headers, body) == "webhook-timestamp is too far from now"
    at = 1614265330.0
    assert doorkeeper.refuses(headers, body, at) is None
    assert doorkeeper.refuses(headers, body + b" ", at) == "no signature fits"
    assert doorkeeper.refuses({**headers, "webhook-id": "other"}, body, at) == "no signature fits"
    two = {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}
    assert doorkeeper.refuses(two, body, at) is None

    guarded.access(signature=secret)
    assert post_as(guarded, "g0") == 401
    assert post_as(guarded, "g0", **{name.replace("-", "_"): v for name, v in two.items()}) == 401
