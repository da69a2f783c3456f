"""What can go wrong in a demonstration, by name."""

from collections.abc import Mapping

from edge.demo.faults import clock, disk, erp, network, processes
from edge.demo.faults.fault import Fault, happen

FAULTS: Mapping[str, Fault] = {
    **processes.FAULTS,
    **erp.FAULTS,
    **network.FAULTS,
    **disk.FAULTS,
    **clock.FAULTS,
}

__all__ = ["FAULTS", "Fault", "happen"]
