"""What every driver speaks: signals in, entries out, verdicts back. Imports nothing of ours."""

from drivers.contract.clock import Clock, system_clock
from drivers.contract.driver import Driver
from drivers.contract.link import Link, LinkDown
from drivers.contract.settings import SecretFile, Settings, read_secret
from drivers.contract.sink import Accepted, Divide, Entry, Rejected, Retry, Sink, Unknown, Verdict
from drivers.contract.source import Batch, Gap, Intake, Signal, Source

__all__ = [
    "Accepted",
    "Batch",
    "Clock",
    "Divide",
    "Driver",
    "Entry",
    "Gap",
    "Intake",
    "Link",
    "LinkDown",
    "Rejected",
    "Retry",
    "SecretFile",
    "Settings",
    "Signal",
    "Sink",
    "Source",
    "Unknown",
    "Verdict",
    "read_secret",
    "system_clock",
]
