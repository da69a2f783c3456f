"""What an operator is told about the gateway's health. Pure: facts in, words out.

Healthy: everything works. Degraded: something needs attention, but what was
acknowledged is safe and will be delivered. Failing: the gateway does not do
its work.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from edge.times import in_words


class Status(StrEnum):
    """The verdict; `milepost health` exits 0, 1 or 2."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILING = "failing"

    @property
    def exit_code(self) -> int:
        """The exit status of `milepost health`."""
        return list(Status).index(self)


class Fact(BaseModel):
    """A record of the health report."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LinkHealth(Fact):
    """One connection."""

    name: str
    direction: Literal["source", "destination"]
    is_up: bool
    changed_at: int
    reason: str
    faults: Mapping[str, str]


class Backlog(Fact):
    """What one destination has and has not got."""

    destination: str
    pending: int
    delivered: int
    dead: int
    oldest_recorded_at: int | None


class Recent(Fact):
    """The newest of its kind: a quarantined signal or a gap."""

    at: int
    source: str
    subject: str
    reason: str


class Finding(Fact):
    """One thing that an operator should know, in a sentence."""

    status: Status
    about: str
    text: str


class Facts(Fact):
    """What the report is made from. Times are milliseconds since the Unix epoch."""

    now: int
    running: bool
    started_at: int | None
    alive_at: int | None
    links: tuple[LinkHealth, ...]
    """Known only while the daemon runs."""
    backlogs: tuple[Backlog, ...]
    signals: int
    milestones: Mapping[str, int]
    quarantined: int
    latest_quarantined: Recent | None
    gaps: int
    latest_gap: Recent | None


class Report(Fact):
    """The health report, as `milepost health --json` prints it."""

    status: Status
    findings: tuple[Finding, ...]
    facts: Facts


WAITING_SECONDS = 60
"""An undelivered milestone older than this is worth a finding though the link is up."""
RECENT_SECONDS = 24 * 3600
"""How long a quarantined signal or a gap is worth a finding."""
FRESH_SECONDS = 15
"""A daemon that wrote so recently may still run, though its control socket does not answer."""


def judge(facts: Facts) -> Report:
    """Conclude from the facts how the gateway does, the worst first."""
    findings = sorted(_findings(facts), key=lambda f: -f.status.exit_code)
    status = findings[0].status if findings else Status.HEALTHY
    return Report(status=status, findings=tuple(findings), facts=facts)


def _findings(facts: Facts) -> Iterator[Finding]:
    if not facts.running:
        yield Finding(status=Status.FAILING, about="milepost", text=_not_running(facts))
    for link in facts.links:
        if link.direction == "source":
            yield from _source(link, facts)
    links = {link.name: link for link in facts.links if link.direction == "destination"}
    for backlog in facts.backlogs:
        yield from _destination(backlog, links.get(backlog.destination), facts)
    yield from _recent(
        facts, facts.latest_quarantined, facts.quarantined, "signal", "in quarantine, newest"
    )
    yield from _recent(facts, facts.latest_gap, facts.gaps, "gap", "recorded, newest")


def _not_running(facts: Facts) -> str:
    if facts.alive_at is None:
        return "not running, and never has with this store; start it: systemctl start milepost"
    silence = facts.now - facts.alive_at
    ago = in_words(silence)
    if silence < FRESH_SECONDS * 1000:
        return (
            f"not running, or [control] socket is not its own; last sign of life {ago} ago; "
            "see: systemctl status milepost"
        )
    return f"not running; last sign of life {ago} ago; start it: systemctl start milepost"


def _source(link: LinkHealth, facts: Facts) -> Iterator[Finding]:
    if not link.is_up:
        sources = [other for other in facts.links if other.direction == "source"]
        # With no source left the gateway hears nothing at all.
        deaf = not any(other.is_up for other in sources)
        status = Status.FAILING if deaf else Status.DEGRADED
        since = in_words(facts.now - link.changed_at)
        yield Finding(status=status, about=link.name, text=f"down for {since}: {link.reason}")
    for subject, text in link.faults.items():
        yield Finding(status=Status.DEGRADED, about=link.name, text=f"{subject}: {text}")


def _destination(backlog: Backlog, link: LinkHealth | None, facts: Facts) -> Iterator[Finding]:
    waiting = ""
    age = 0
    if backlog.pending:
        age = facts.now - (backlog.oldest_recorded_at or facts.now)
        waiting = f"{counted(backlog.pending, 'milestone')} waiting, oldest for {in_words(age)}"
    if link is not None and not link.is_up and link.reason:
        since = in_words(facts.now - link.changed_at)
        text = f"down for {since}" + (f", {waiting}" if waiting else "") + f": {link.reason}"
        yield Finding(status=Status.DEGRADED, about=backlog.destination, text=text)
    elif backlog.pending and (not facts.running or age > WAITING_SECONDS * 1000):
        yield Finding(
            status=Status.DEGRADED,
            about=backlog.destination,
            text=f"{waiting}; see `{_listing(backlog)}`",
        )
    if backlog.dead:
        text = (
            f"{counted(backlog.dead, 'dead letter')}: rejected for good, waiting for a decision; "
            f"see `{_listing(backlog)} --state dead`"
        )
        yield Finding(status=Status.DEGRADED, about=backlog.destination, text=text)


def _listing(backlog: Backlog) -> str:
    return f"milepost outbox --destination {backlog.destination}"


def _recent(
    facts: Facts, newest: Recent | None, count: int, noun: str, what: str
) -> Iterable[Finding]:
    if newest is not None and facts.now - newest.at <= RECENT_SECONDS * 1000:
        ago = in_words(facts.now - newest.at)
        text = f"{counted(count, noun)} {what} {ago} ago ({newest.subject}): {newest.reason}"
        yield Finding(status=Status.DEGRADED, about=newest.source, text=text)


def counted(n: int, noun: str) -> str:
    """Return e.g. "1 signal" or "2 signals"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
