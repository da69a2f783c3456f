"""Processes that end, in order or not."""

from collections.abc import Sequence

from edge.demo.faults.fault import Fault, Happening, in_thread
from edge.demo.stage import Stage

RESTART_SECONDS = 1.5
"""How long the daemon is gone: about what systemd waits before it starts it again."""


def _broker_restart(stage: Stage, play: float) -> Sequence[Happening]:
    return [
        Happening(share * play, "the broker is restarted", in_thread(stage.broker.restart))
        for share in (0.2, 0.5)
    ]


def _daemon_kill(stage: Stage, play: float) -> Sequence[Happening]:
    happenings = []
    for share in (0.2, 0.5, 0.8):
        killed = share * play
        happenings += [
            Happening(killed, "the daemon is killed with SIGKILL", stage.daemon.kill),
            Happening(
                killed + RESTART_SECONDS, "the daemon is started again", stage.daemon.come_up
            ),
        ]
    return happenings


def _daemon_restart(stage: Stage, play: float) -> Sequence[Happening]:
    return [
        Happening(0.3 * play, "the daemon is stopped with SIGTERM", stage.daemon.stop),
        Happening(0.5 * play, "the daemon is started again", stage.daemon.start),
    ]


def _everyday(stage: Stage, play: float) -> Sequence[Happening]:
    erp = stage.erp.faults
    return [
        Happening(
            0.0,
            "the ERP answers some posts with 500, and some, already booked, not at all",
            in_thread(erp, error_rate=0.05, error_after_booking_rate=0.03, swallow_rate=0.02),
        ),
        Happening(0.15 * play, "the broker is restarted", in_thread(stage.broker.restart)),
        Happening(0.25 * play, "the ERP goes down", in_thread(erp, down=True)),
        # During the outage, so that it must take up a backlog that it does not remember.
        Happening(0.5 * play, "the daemon is killed with SIGKILL", stage.daemon.kill),
        Happening(0.5 * play + RESTART_SECONDS, "the daemon is started again", stage.daemon.start),
        Happening(0.92 * play, "the ERP is back", in_thread(erp, down=False)),
    ]


FAULTS = {
    "everyday": Fault("the ERP errs and goes down, broker and daemon fail meanwhile", _everyday),
    "none": Fault("nothing fails", lambda _stage, _play: ()),
    "broker-restart": Fault("the broker is restarted twice", _broker_restart),
    "daemon-kill": Fault("the daemon is killed with SIGKILL, three times", _daemon_kill),
    "daemon-restart": Fault("the daemon is stopped in order and started again", _daemon_restart),
}
