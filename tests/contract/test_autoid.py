"""What AutoID readers scan becomes milestones, with a profile and without an expression."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from drivers.opcua.settings import OpcUaSettings
from edge.config import Configuration
from edge.config.loading import load_text
from edge.rules.rehearsal import Rehearsal
from simulators.ports import free_port
from tests.fault.opcua_gateway import Recorder, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

NODESETS = Path(__file__).parents[3] / "shared/standards/opcua"
SSCC = "340123450000000017"
TAG = "30742537BC00001177777777"
SITE = """
[site]
name = "test"
uri = "https://test.example"

[destinations.erp]
driver = "http"
url = "https://erp.test.example"

[sources.gate]
driver = "opcua"
endpoint = "opc.tcp://127.0.0.1:{port}"
publishing_interval_milliseconds = 20

[[sources.gate.variables]]
name = "data"
node = "ns={nodes};s=LastScanData"

[[sources.gate.variables]]
name = "result"
node = "ns={nodes};s=LastScanResult"

[[sources.gate.events]]
name = "door-1"
node = "ns={nodes};s=Reader"
type = "{scans}"

[profiles.loading]
use = "autoid"
source = "gate"
subject = "door-1"
milestone = "loaded"

[profiles.goods-in]
use = "autoid"
source = "gate"
subject = "data"

[profiles.gate]
use = "autoid"
source = "gate"
subject = "result"
milestone = "departed"
"""


class Reader:
    """The reader's process."""

    def __init__(
        self, process: asyncio.subprocess.Process, port: int, told: Mapping[str, int]
    ) -> None:
        self._process = process
        self.site = load_text(SITE.format(port=port, **told))

    def scan(self, to: str, **scan: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"to": to, **scan}).encode() + b"\n")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["own types", "NodeSets"])
async def reader(request: pytest.FixtureRequest) -> AsyncIterator[Reader]:
    nodesets = [str(NODESETS)] if request.param == "NodeSets" else []
    if nodesets and not NODESETS.exists():
        pytest.skip("the NodeSet of AutoID is not here")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.contract.autoid_reader", str(port), *nodesets),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield Reader(process, port, json.loads(await process.stdout.readline()))
    finally:
        process.kill()
        await process.wait()


def settings(site: Configuration) -> OpcUaSettings:
    found: object = site.sources["gate"]
    assert isinstance(found, OpcUaSettings)
    return found


def concluded(site: Configuration, intake: Recorder) -> list[tuple[str, str, object]]:
    """Return name, key and read point of each milestone."""
    rehearsal = Rehearsal(site)
    rehearsal.take((at, "gate", signal) for at, signal in enumerate(intake.signals, start=1))
    assert rehearsal.quarantined == []
    return [(each.name, each.key, each.attributes["read_point"]) for each in rehearsal.milestones]


async def test_what_a_readers_variables_hold_is_a_milestone_of_its_unit(reader: Reader) -> None:
    intake = Recorder()
    async with running(settings(reader.site), intake) as source:
        await source.until(lambda: len(intake.signals) == 2)
        assert intake.payloads("data") + intake.payloads("result") == [b"null", b"null"]
        reader.scan("LastScanData", data={"String": f"]C100{SSCC}"})
        await source.until(lambda: len(intake.signals) == 3)
        reader.scan("LastScanData", data={"Epc": TAG})
        await source.until(lambda: len(intake.signals) == 4)
        optical = {"type": "OpticalScanResult", "code_type": "GS1", "location": "dock-in-1"}
        reader.scan("LastScanResult", data={"ByteString": f"]C100{SSCC}"}, **optical)
        await source.until(lambda: len(intake.signals) == 5)
        reader.scan("LastScanResult", type="RfidScanResult", code_type="EPC", data={"Epc": TAG})
        await source.until(lambda: len(intake.signals) == 6)
        assert source.link.faults == {}
    assert concluded(reader.site, intake) == [
        ("received", f"unit:{SSCC}", "data"),
        ("received", f"unit:{TAG}", "data"),
        ("departed", f"unit:{SSCC}", "result"),
        ("departed", f"unit:{TAG}", "result"),
    ]
    optical_result, rfid = [json.loads(payload) for payload in intake.payloads("result")[1:]]
    assert optical_result["Location"] == {"Name": "dock-in-1"}
    assert "Location" not in rfid
    (sighting,) = rfid["Sighting"]
    assert (sighting["Antenna"], sighting["Strength"]) == (1, -52)


async def test_each_result_of_a_scan_event_is_a_milestone_of_its_unit(reader: Reader) -> None:
    intake = Recorder()
    async with running(settings(reader.site), intake) as source:
        await source.until(lambda: "events:door-1" in intake.committed_bookmarks)
        optical = [
            {"code_type": "GS1", "data": {"ByteString": f"]C100{SSCC}"}, "location": "dock"},
            {"code_type": "CODE128", "data": {"String": "TOTE-7"}},
        ]
        reader.scan("event", type="OpticalScanResult", results=optical)
        await source.until(lambda: len(intake.payloads("door-1")) == 1)
        tag = {"code_type": "EPC", "data": {"Epc": TAG}}
        reader.scan("event", type="RfidScanResult", results=[tag])
        await source.until(lambda: len(intake.payloads("door-1")) == 2)
        assert source.link.faults == {}
    loaded = [each for each in concluded(reader.site, intake) if each[0] == "loaded"]
    assert loaded == [
        ("loaded", f"unit:{SSCC}", "door-1"),
        ("loaded", "unit:TOTE-7", "door-1"),
        ("loaded", f"unit:{TAG}", "door-1"),
    ]
    first, second = [json.loads(payload) for payload in intake.payloads("door-1")]
    assert first["DeviceName"] == second["DeviceName"] == "Gate 1"
    assert first["SourceName"] == "Reader"
    assert intake.gaps == []
