"""A driver is found by its name: a folder of ours, or what another distribution declares."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import drivers

OURS = ["http", "mqtt", "opcua"]


@pytest.fixture
def _another_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a distribution that declares a driver, and one that replaces a driver of ours."""
    described = tmp_path / "another-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1\n")
    (described / "entry_points.txt").write_text(
        "[milepost.drivers]\nmodbus = another_driver:MODBUS\n"
        "http = another_driver:HTTP\nwrong = another_driver:WRONG\n"
    )
    (tmp_path / "another_driver.py").write_text(
        "from drivers.contract import Driver\nMODBUS = Driver()\nHTTP = Driver()\nWRONG = 'none'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    drivers._installed.cache_clear()
    yield
    drivers._installed.cache_clear()
    sys.modules.pop("another_driver", None)


def test_a_folder_is_a_driver() -> None:
    assert drivers.names() == OURS
    assert drivers.find("mqtt").open_source is not None


def test_a_name_that_nothing_has_is_refused() -> None:
    with pytest.raises(KeyError, match="modbus"):
        drivers.find("modbus")
    with pytest.raises(KeyError, match="contract"):
        drivers.find("contract")


@pytest.mark.usefixtures("_another_distribution")
def test_a_distribution_declares_a_driver_or_replaces_one_of_ours() -> None:
    import another_driver  # type: ignore[import-not-found]  # noqa: PLC0415

    assert drivers.names() == [*OURS[:1], "modbus", *OURS[1:], "wrong"]
    assert drivers.find("modbus") is another_driver.MODBUS
    assert drivers.find("http") is another_driver.HTTP


@pytest.mark.usefixtures("_another_distribution")
def test_what_is_declared_as_a_driver_and_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="'wrong' does not present"):
        drivers.find("wrong")
