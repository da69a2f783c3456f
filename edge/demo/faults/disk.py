"""What a disk does: it fills, it fails."""

import resource
from collections.abc import Sequence

from edge.demo.faults.fault import Fault, Happening, in_thread
from edge.demo.faults.processes import RESTART_SECONDS
from edge.demo.stage import Stage, Staging
from simulators import volume


def _full(stage: Stage, play: float) -> Sequence[Happening]:
    down = "the ERP refuses connections, so that the store fills"
    return [
        Happening(0.1 * play, down, in_thread(stage.erp.faults, down=True)),
        Happening(0.8 * play, "the ERP is back", in_thread(stage.erp.faults, down=False)),
    ]


def _fails(stage: Stage, play: float) -> Sequence[Happening]:
    async def fail() -> None:
        # A write beyond the first page fails with EFBIG, which to SQLite is an I/O error.
        resource.prlimit(stage.daemon.pid, resource.RLIMIT_FSIZE, (4096, 4096))

    return [
        Happening(0.4 * play, "the disk fails: no write succeeds any more", fail),
        Happening(
            0.4 * play + RESTART_SECONDS,
            "the disk is exchanged, and the daemon is started again",
            stage.daemon.restart,
        ),
    ]


def _power_cut(stage: Stage, play: float) -> Sequence[Happening]:
    happenings = []
    for share in (0.25, 0.5, 0.75):
        cut = share * play
        happenings += [
            Happening(cut, "the power is cut: what is not synced is lost", stage.cut_power),
            Happening(cut + RESTART_SECONDS, "the power is back", stage.daemon.come_up),
        ]
    return happenings


FAULTS = {
    "power-cut": Fault(
        "the gateway loses power three times, and all that its disk had not synced",
        _power_cut,
        Staging(has_own_disk=True),
        lacks=volume.lacks,
    ),
    "disk-full": Fault(
        "the ERP is down and the disk budget is spent: sources wait until there is room",
        _full,
        Staging(store='max_size = "5MiB"'),
        lasts_longer=60.0,  # signals are kept for a minute, however little room there is
    ),
    "disk-fails": Fault("every write to the store fails", _fails),
}
