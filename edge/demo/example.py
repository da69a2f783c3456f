"""The example configuration, with the demonstration's addresses instead of a site's."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the demonstration's processes are."""

    opcua_port: int
    mqtt_port: int
    erp_url: str
    erp_look_up: str
    directory: Path
    store: Path
    """The directory of the store."""


def configuration(addresses: Addresses, store: str = "") -> str:
    """Return the shipped example, its addresses replaced.

    `store` are further lines for its [store] section; nothing else differs.
    """
    text = (files("edge") / "example.toml").read_text(encoding="utf-8")
    for shipped, ours in {
        "opc.tcp://127.0.0.1:4840": f"opc.tcp://127.0.0.1:{addresses.opcua_port}",
        "port = 1883": f"port = {addresses.mqtt_port}",
        '"http://127.0.0.1:8080/milestones"': f'"{addresses.erp_url}"',
        '"http://127.0.0.1:8080/milestones/{id}"': f'"{addresses.erp_look_up}"',
        "/var/lib/milepost": str(addresses.store),
        "/run/milepost": str(addresses.directory),
    }.items():
        if text.count(shipped) != 1:
            raise ValueError(f"the example configuration should say {shipped!r} once")
        text = text.replace(shipped, ours)
    return text.replace("[store]\n", f"[store]\n{store}\n") if store else text
