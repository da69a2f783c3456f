"""The shipped unit: what systemd thinks of it, and whether it agrees with the code."""

import os
import re
import shutil
import subprocess
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from edge.exits import Exit

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "milepost.service"
EXAMPLE = tomllib.loads((SYSTEMD / "milepost.toml").read_text())

with_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def directives() -> dict[str, list[str]]:
    found = defaultdict(list)
    for name, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE):
        found[name].append(value)
    return found


@with_systemd
def test_systemd_has_no_objection_to_the_unit(tmp_path: Path) -> None:
    # Milepost itself need not be installed where this is tested.
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/milepost/bin/milepost", "/bin/true"))
    # Its exit status is 0 even for directives that it does not know.
    verified = subprocess.run(
        ["systemd-analyze", "verify", copy], check=False, capture_output=True, text=True
    )
    assert verified.stdout + verified.stderr == ""


@with_systemd
def test_the_unit_is_exposed_to_1_2_at_most() -> None:
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=12", "--no-pager", UNIT],
        check=False,
        capture_output=True,
        text=True,
    )
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr


def test_systemd_restarts_after_every_end_but_those_that_only_a_person_can_mend() -> None:
    assert directives()["Restart"] == ["always"]
    assert directives()["StartLimitIntervalSec"] == ["0"]
    (prevented,) = directives()["RestartPreventExitStatus"]
    assert {int(status) for status in prevented.split()} == {Exit.CONFIGURATION, Exit.STORE_REFUSED}


def test_the_directories_of_the_unit_are_those_of_the_example_configuration() -> None:
    (state,) = directives()["StateDirectory"]
    (runtime,) = directives()["RuntimeDirectory"]
    (configuration,) = directives()["ConfigurationDirectory"]
    (command,) = directives()["ExecStart"]
    assert Path(EXAMPLE["store"]["path"]).parent == Path("/var/lib", state)
    assert Path(EXAMPLE["control"]["socket"]).parent == Path("/run", runtime)
    assert command.endswith(f" run --config /etc/{configuration}/milepost.toml")


@pytest.mark.parametrize(
    ("directive", "value"),
    [
        ("Type", "notify"),  # ready is what the daemon says, not that it was started
        ("WatchdogSec", "30"),  # a daemon that hangs is started anew …
        ("Environment", "PYTHONFAULTHANDLER=1"),  # … and the journal says where it hung
        ("KillMode", "mixed"),  # the daemon ends its own
        ("TimeoutStopSec", "15"),  # time to settle what is on its way
        ("StateDirectoryMode", "0700"),  # nobody else reads the store
        ("RuntimeDirectoryMode", "0750"),  # the group milepost reaches the control socket
        ("User", "milepost"),
        ("Group", "milepost"),
    ],
)
def test_the_unit_says_what_the_daemon_relies_on(directive: str, value: str) -> None:
    assert directives()[directive] == [value]


def test_the_daemon_sees_accounts_as_they_are_so_that_the_audit_log_can_name_them() -> None:
    # In a user namespace of its own the kernel tells it "nobody" for all but root and itself.
    assert not {"PrivateUsers", "DynamicUser"} & directives().keys()


@pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None or os.geteuid() != 0,
    reason="takes systemd-sysusers and root",
)
def test_user_and_store_directory_are_made_and_nobody_else_may_look_in(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for kind in ("sysusers", "tmpfiles"):
        folder = tmp_path / f"usr/lib/{kind}.d"
        folder.mkdir(parents=True)
        shutil.copy(SYSTEMD / f"milepost.{kind}", folder / "milepost.conf")
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", "milepost.conf"], check=True)
    subprocess.run(
        ["systemd-tmpfiles", f"--root={tmp_path}", "--create", "milepost.conf"], check=True
    )
    (user,) = (tmp_path / "etc/passwd").read_text().splitlines()
    name, _, uid, gid, _, home, shell = user.split(":")
    assert (name, home) == ("milepost", "/var/lib/milepost")
    assert shell.endswith("nologin")
    store = (tmp_path / "var/lib/milepost").stat()
    assert (store.st_uid, store.st_gid, store.st_mode & 0o777) == (int(uid), int(gid), 0o700)
