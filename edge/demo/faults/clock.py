"""The gateway's clock jumps, as by an operator's hand or a time server that was away."""

from collections.abc import Sequence

from edge.demo.faults.fault import Fault, Happening, in_thread
from edge.demo.stage import Stage, Staging
from simulators import preload

HOUR = 3_600_000


def _jump(fast: int, words: str) -> Fault:
    def happenings(stage: Stage, play: float) -> Sequence[Happening]:
        return [
            Happening(
                0.3 * play,
                f"the gateway's clock is set an hour {words}",
                in_thread(stage.clock.set, fast),
            ),
            Happening(
                0.6 * play, "the gateway's clock is set right", in_thread(stage.clock.set, 0)
            ),
        ]

    told = f"the gateway's clock is set an hour {words}, and right again"
    return Fault(told, happenings, Staging(has_own_clock=True), lacks=preload.lacks)


FAULTS = {"clock-forward": _jump(HOUR, "forward"), "clock-back": _jump(-HOUR, "back")}
