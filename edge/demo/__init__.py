"""`milepost demo`: the main job against a simulated site, with faults, judged at the end."""

from edge.demo.running import run_demo

__all__ = ["run_demo"]
