"""The OPC UA driver keeps the contract of a source, against the simulated conveyor PLC."""

import asyncio
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

import drivers.opcua
from drivers.contract import Driver, Link, LinkDown, system_clock
from drivers.opcua import DRIVER
from drivers.opcua.settings import OpcUaSettings
from simulators.plc import SORTER_SPEED, Memory, Plc
from simulators.ports import free_port
from tests.fault.opcua_gateway import Recorder, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLE = Path(__file__).parents[2] / "systemd" / "milepost.toml"
SAMPLE = Path(drivers.opcua.__file__).with_name("sample.toml")


def settings_from(path: Path, **changed: object) -> OpcUaSettings:
    section = tomllib.loads(path.read_text())["sources"]["plc"]
    assert section.pop("driver") == "opcua"
    return OpcUaSettings.model_validate({**section, **changed})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plc() -> AsyncIterator[Plc]:
    plc = Plc(free_port(), Memory())
    await plc.start()
    yield plc
    await plc.stop()


def start(settings: OpcUaSettings, intake: Recorder, link: Link) -> asyncio.Task[None]:
    assert DRIVER.open_source is not None
    source = DRIVER.open_source(settings, system_clock)
    return asyncio.create_task(source.run(intake, link))


async def test_importing_the_driver_does_not_import_its_library() -> None:
    program = "import sys, drivers.opcua; sys.exit('asyncua' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: ASYNC221 - nothing else runs


async def test_the_driver_is_a_source_and_no_sink() -> None:
    assert isinstance(DRIVER, Driver)
    assert DRIVER.source_settings is OpcUaSettings
    assert DRIVER.sink_settings is None


async def test_the_sample_names_every_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for secret in ("opcua-key.pem", "plc-password"):
        (tmp_path / secret).write_text("secret")
    sample = settings_from(SAMPLE)
    assert sample.model_fields_set == set(OpcUaSettings.model_fields)


async def test_the_example_configuration_reads_the_simulated_plc(plc: Plc) -> None:
    settings = settings_from(EXAMPLE, endpoint=plc.endpoint)
    intake, link = Recorder(), Link("plc", system_clock)
    await plc.record({"type": "scan", "unit": "340000000000000017"})
    task = start(settings, intake, link)
    try:
        await until(lambda: len(intake.signals) == 4)
        assert link.is_up
        assert link.faults == {}
        await plc.record({"type": "divert", "lane": 4})
        await plc.set(SORTER_SPEED, 1.5)
        await until(lambda: len(intake.signals) == 6)
        committed_at = system_clock()
        await until(lambda: (link.heard_until or 0) >= committed_at)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [orjson.loads(payload) for payload in intake.payloads("conveyor")] == [
        {"n": 1, "type": "scan", "unit": "340000000000000017"},
        {"n": 2, "type": "divert", "lane": 4},
    ]
    assert intake.payloads("sorter-speed") == [b"0.0", b"1.5"]
    assert all(signal.good and signal.source_at for signal in intake.signals)
    assert not link.is_up


async def test_a_lost_plc_is_a_link_down_and_the_same_source_can_be_run_again(plc: Plc) -> None:
    settings = settings_from(EXAMPLE, endpoint=f"opc.tcp://127.0.0.1:{free_port()}")
    assert DRIVER.open_source is not None
    source = DRIVER.open_source(settings, system_clock)
    link = Link("plc", system_clock)
    for _ in range(2):
        with pytest.raises(LinkDown, match="refuses connections"):
            await source.run(Recorder(), link)
        assert "refuses connections" in link.reason
    assert link.heard_until is None
    assert plc.endpoint != settings.endpoint
