"""The demonstration runs the configuration that ships."""

from pathlib import Path

from edge.demo.example import Addresses, configuration

SHIPPED = Path(__file__).parents[4] / "systemd" / "milepost.toml"


def test_only_addresses_differ_from_what_ships(tmp_path: Path) -> None:
    ours = configuration(
        Addresses(
            opcua_port=1,
            mqtt_port=2,
            erp_url="http://127.0.0.1:3/milestones",
            erp_look_up="http://127.0.0.1:3/milestones/{id}",
            directory=tmp_path,
            store=tmp_path,
        )
    )
    pairs = list(zip(ours.splitlines(), SHIPPED.read_text().splitlines(), strict=True))
    changed = [shipped.split("=")[0].strip() for our, shipped in pairs if our != shipped]
    assert changed == ["path", "socket", "endpoint", "port", "url", "look_up"]
