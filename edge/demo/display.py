"""What a demonstration shows while it runs: signals, milestones, backlog, links, happenings."""

from collections import deque
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edge.control.facts import Facts
from edge.control.health import Report
from edge.wording import in_words

HAPPENINGS = 8
"""Lines of what happened that stay visible."""


@dataclass(slots=True)
class Display:
    """The picture, as of the last report. Times are seconds since the beginning."""

    seconds: float
    seed: int
    elapsed: float = 0.0
    report: Report | None = None
    is_answering: bool = False
    rate: float = 0.0
    booked: int = 0
    happenings: deque[str] = field(default_factory=lambda: deque(maxlen=HAPPENINGS))

    def show(self, report: Report | None, elapsed: float, booked: int) -> None:
        """Take a new report; None if the daemon does not answer."""
        if report is not None and self.report is not None and self.is_answering:
            passed = (report.facts.now - self.report.facts.now) / 1000
            if passed > 0:
                rate = (report.facts.signals - self.report.facts.signals) / passed
                self.rate += 0.3 * (rate - self.rate)
        self.is_answering = report is not None
        self.report = report or self.report
        self.elapsed = elapsed
        self.booked = booked

    def __rich__(self) -> RenderableType:
        """Return the picture."""
        head = Text.assemble(
            ("milepost demo", "bold"),
            f"   {self.elapsed:4.0f} of {self.seconds:.0f} s   seed {self.seed}   ",
            ("running", "green") if self.is_answering else ("the daemon does not answer", "red"),
        )
        if self.report is None:
            return Group(head)
        return Group(
            head,
            Text(),
            _numbers(self.report.facts, self.rate, self.booked),
            # What a daemon said of its links before it fell silent is true no more.
            *([_links(self.report.facts)] if self.is_answering else []),
            Text(),
            *map(Text, self.happenings),
        )


def _numbers(facts: Facts, rate: float, booked: int) -> Table:
    table = Table.grid(padding=(0, 3))
    table.add_column(style="dim")
    table.add_row("signals in", f"{facts.signals}   {rate:.0f}/s")
    counts = "   ".join(f"{name} {n}" for name, n in sorted(facts.milestones.items()))
    table.add_row("milestones", f"{sum(facts.milestones.values())}   {counts}")
    for backlog in facts.backlogs:
        oldest = backlog.oldest_recorded_at
        age = f"   oldest {in_words(facts.now - oldest)}" if oldest is not None else ""
        style = "yellow" if backlog.pending else "green"
        table.add_row(
            f"to {backlog.destination}",
            Text.assemble(
                (f"{backlog.pending} waiting", style),
                age,
                f"   {backlog.delivered} delivered",
                f"   {booked} in its book",
            ),
        )
    table.add_row("quarantine", f"{facts.quarantined} signals")
    return table


def _links(facts: Facts) -> Table:
    table = Table.grid(padding=(0, 3))
    table.add_column(style="dim")
    for link in facts.links:
        is_idle = not link.is_up and not link.reason
        if link.is_up or is_idle:
            state = Text("not used yet" if is_idle else "up", style="dim" if is_idle else "green")
        else:
            state = Text(f"down for {in_words(facts.now - link.changed_at)}: {link.reason}", "red")
        table.add_row(f"{link.direction} {link.name}", state)
    return table
