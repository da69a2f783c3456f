"""What an ERP does to those who depend on it."""

from collections.abc import Sequence

from edge.demo.faults.fault import Fault, Happening, in_thread
from edge.demo.stage import Stage


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


FAULTS = {
    "erp-down": _for_a_while("refuses connections", down=True),
    "erp-slow": _for_a_while("takes two seconds for each posting", delay_seconds=2.0),
    "erp-errors": _for_a_while(
        "answers 500, now and then after it has booked",
        error_rate=0.3,
        error_after_booking_rate=0.2,
    ),
    "erp-silent": _for_a_while("books, and then does not answer", swallow_rate=0.2, cut_rate=0.3),
}
