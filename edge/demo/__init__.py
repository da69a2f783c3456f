"""`milepost demo`: the main job against a simulated site, with faults, judged at the end."""

from edge.demo.faults import FAULTS
from edge.demo.running import run_demo

__all__ = ["FAULTS", "run_demo"]
