"""What an ERP does to those who depend on it."""

from collections.abc import Sequence
from functools import partial

from edge.demo.faults.fault import Fault, Happening, in_thread
from edge.demo.stage import Stage
from simulators.scenario import plan

SHARE_REJECTED = 12
"""One of so many units and orders."""


def _for_a_while(words: str, **faults: object) -> Fault:
    """Return a fault of the ERP that lasts from a fifth to two thirds of the play."""

    def happenings(stage: Stage, play: float) -> Sequence[Happening]:
        healthy = stage.erp.faults()
        undone = {name: healthy[name] for name in faults}
        return [
            Happening(0.2 * play, f"the ERP {words}", in_thread(stage.erp.faults, **faults)),
            Happening(0.67 * play, "the ERP is well", in_thread(stage.erp.faults, **undone)),
        ]

    return Fault(f"the ERP {words}", happenings)


def _rejects(stage: Stage, play: float) -> Sequence[Happening]:
    subjects = sorted({fact.key for fact in plan(stage.seed, play).truth})[::SHARE_REJECTED]
    return [
        Happening(
            0.0,
            f"the ERP rejects whatever is about {len(subjects)} units and orders",
            in_thread(stage.erp.faults, reject_subjects=subjects),
        ),
        Happening(0.9 * play, "the ERP is mended", in_thread(stage.erp.faults, reject_subjects=[])),
        # Not before everything else is settled: a later rejection would be left over.
        Happening(
            play + 1,
            "an operator has the dead letters sent again: milepost outbox retry --all",
            partial(stage.daemon.command, "outbox", "retry", "--all"),
        ),
    ]


FAULTS = {
    "erp-rejects": Fault(
        "the ERP rejects some units and orders, until an operator has them sent again", _rejects
    ),
    "erp-overloaded": _for_a_while(
        "takes ten requests a second, the slower the more come at once",
        requests_per_second=10.0,
        crowd_delay_seconds=0.05,
    ),
    "erp-down": _for_a_while("refuses connections", down=True),
    "erp-slow": _for_a_while("takes two seconds for each posting", delay_seconds=2.0),
    "erp-errors": _for_a_while(
        "answers 500, now and then after it has booked",
        error_rate=0.3,
        error_after_booking_rate=0.2,
    ),
    "erp-silent": _for_a_while("books, and then does not answer", swallow_rate=0.2, cut_rate=0.3),
}
