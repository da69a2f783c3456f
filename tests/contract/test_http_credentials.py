"""Every way to be known to an ERP, which verifies each by itself."""

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from drivers.contract import (
    Accepted,
    Entry,
    Retry,
    Sink,
)
from simulators.erp_process import ErpProcess
from tests.contract.http_erp import SEED, booked, new_entry, opened, several
from tests.unit.drivers.http.certificates import certify
from tests.unit.drivers.http.raw_server import deliver_one


@pytest.fixture(scope="module")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErpProcess]:
    with ErpProcess(tmp_path_factory.mktemp("erp"), seed=SEED) as running:
        yield running


@pytest.fixture
async def sink(erp: ErpProcess) -> AsyncIterator[Sink]:
    async with opened(erp) as one:
        yield one


@pytest.fixture
def entry(request: pytest.FixtureRequest) -> Entry:
    return new_entry(request.node.name)


@pytest.fixture
def guarded(erp: ErpProcess) -> Iterator[ErpProcess]:
    yield erp
    erp.access()


KEYS = ["whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)]
KINDS = ["bearer", "basic", "oauth2", "oauth2 body", "signature"]


def agreed(erp: ErpProcess, kind: str, file: Path, secret: int) -> dict[str, object]:
    """Tell the ERP what to ask for, and us what to show."""
    word = KEYS[secret] if kind == "signature" else f"secret+{secret}/%"
    file.write_text(word)
    if kind == "bearer":
        file.write_text(word := f"token-{secret}")
        erp.access(bearer=word)
        return {"kind": kind, "token_file": file}
    if kind == "basic":
        erp.access(basic=f"milepost:{word}")
        return {"kind": kind, "user": "milepost", "password_file": file}
    if kind == "signature":
        erp.access(signature=word)
        return {"kind": kind, "secret_file": file}
    erp.access(client=f"mile post:{word}")
    return {
        "kind": "oauth2",
        "token_url": erp.token_url,
        "client_id": "mile post",
        "client_secret_file": file,
        "client_in": "body" if kind == "oauth2 body" else "header",
    }


@pytest.mark.parametrize("batch", [None, {}], ids=["single", "batch"])
@pytest.mark.parametrize("kind", KINDS)
async def test_the_erp_knows_us_by_what_it_asks_for_also_when_that_changes(  # noqa: PLR0917
    guarded: ErpProcess, sink: Sink, entry: Entry, tmp_path: Path, kind: str, batch: object
) -> None:
    first, second, third = several(entry, 3)
    auth = agreed(guarded, kind, tmp_path / "secret", 0)
    refused = await deliver_one(sink, first)  # shows nothing
    async with opened(guarded, auth=auth, batch=batch) as known:
        assert isinstance(await deliver_one(known, first), Accepted)
        assert isinstance(await known.look_up(first), Accepted)
        agreed(guarded, kind, tmp_path / "secret", 1)
        assert isinstance(await deliver_one(known, second), Accepted)
        guarded.access(bearer="another")
        stranger = await deliver_one(known, third)

    for verdict in (refused, stranger):
        assert isinstance(verdict, Retry)
        assert verdict.outage
        assert "check auth" in verdict.reason
    assert len(booked(guarded, first, second, third)) == 2


async def test_an_erp_that_asks_for_certificates_knows_ours(tmp_path: Path, entry: Entry) -> None:
    erp_file, ours = certify(tmp_path / "erp.pem"), certify(tmp_path / "ours.pem")
    tls = {"ca_file": erp_file, "timeout_seconds": 10, "connect_timeout_seconds": 10}
    with ErpProcess(tmp_path / "erp", certificate=erp_file, client_ca=ours) as erp:
        async with opened(erp, **tls) as stranger:
            assert not isinstance(await deliver_one(stranger, entry), Accepted)
        assert erp.book() == []
        shown = {"client_certificate_file": ours, "client_key_file": ours}
        async with opened(erp, **tls, **shown) as known:
            assert isinstance(await deliver_one(known, entry), Accepted)
