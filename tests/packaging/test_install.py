"""`make install` and `make uninstall`, for real, into scratch roots."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
EDITED = '[site]\nname = "ours"\n'
PYTHON = "/usr/bin/python3"

# Packages come from a registry, however fast it is today.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def make(target: str, root: Path) -> subprocess.Popen[str]:
    """Start `make TARGET`, as an administrator whose files nobody else may read."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHON", "MAKEFLAGS"}}
    return subprocess.Popen(
        ["make", "--no-print-directory", "-C", CHECKOUT, target, f"DESTDIR={root}"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=0o077,
    )


def finish(made: subprocess.Popen[str]) -> str:
    said, _ = made.communicate()
    assert made.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Install on a box that has never seen Milepost and on one that runs it; both at once."""
    probe = subprocess.run([PYTHON, "-c", "import ensurepip"], check=False, capture_output=True)
    if probe.returncode:
        pytest.skip(f"{PYTHON} cannot make virtual environments")
    fresh, used = tmp_path_factory.mktemp("fresh"), tmp_path_factory.mktemp("used")
    for path, text in {
        "etc/milepost/milepost.toml": EDITED,
        "var/lib/milepost/milepost.db": "undelivered",
        "opt/milepost/lib/of-an-older-version": "",
    }.items():
        (used / path).parent.mkdir(parents=True)
        (used / path).write_text(text)
    with make("install", fresh) as on_fresh, make("install", used) as on_used:
        finish(on_fresh)
        finish(on_used)
    return fresh, used


@pytest.fixture
def fresh(roots: tuple[Path, Path]) -> Path:
    return roots[0]


@pytest.fixture
def used(roots: tuple[Path, Path]) -> Path:
    return roots[1]


def installed(root: Path) -> Iterator[Path]:
    return (path for path in (root / "opt/milepost").rglob("*") if not path.is_symlink())


def test_a_new_box_gets_the_example_configuration(fresh: Path) -> None:
    laid = fresh / "etc/milepost/milepost.toml"
    assert laid.read_bytes() == (CHECKOUT / "systemd/milepost.toml").read_bytes()


def test_an_edited_configuration_and_the_store_survive_an_upgrade(used: Path) -> None:
    assert (used / "etc/milepost/milepost.toml").read_text() == EDITED
    assert (used / "var/lib/milepost/milepost.db").read_text() == "undelivered"


def test_an_upgrade_leaves_nothing_of_the_older_version(used: Path) -> None:
    assert not (used / "opt/milepost/lib/of-an-older-version").exists()
    assert (used / "opt/milepost/bin/milepost").exists()
    assert [path.name for path in (used / "opt").iterdir()] == ["milepost"]


def test_what_is_installed_runs_without_the_checkout(fresh: Path) -> None:
    packages = "edge, drivers, buffer, simulators"
    ask = f"import {packages}; print(*(p.__file__ for p in ({packages})), sep='\\n')"
    told = subprocess.run(
        [fresh / "opt/milepost/bin/python", "-c", ask],
        cwd="/",
        check=True,
        capture_output=True,
        text=True,
    )
    files = told.stdout.splitlines()
    assert len(files) == 4
    assert all(Path(file).is_relative_to(fresh / "opt/milepost") for file in files)


def test_the_example_configuration_is_inside_the_package(fresh: Path) -> None:
    (inside,) = (fresh / "opt/milepost").glob("lib/python*/site-packages/edge/example.toml")
    assert not inside.is_symlink()
    assert inside.read_bytes() == (CHECKOUT / "systemd/milepost.toml").read_bytes()
    assert (CHECKOUT / "edge/example.toml").read_bytes() == inside.read_bytes()


def test_nothing_installed_knows_where_it_was_built(fresh: Path) -> None:
    place = os.fsencode(fresh)
    assert [
        path for path in installed(fresh) if path.is_file() and place in path.read_bytes()
    ] == []
    shebang = (fresh / "opt/milepost/bin/milepost").read_text().splitlines()[0]
    assert shebang.startswith("#!/opt/milepost/bin/python")


def test_the_service_finds_byte_code_where_it_cannot_write(fresh: Path) -> None:
    sources = list((fresh / "opt/milepost").glob("lib/python*/site-packages/*/*.py"))
    assert sources
    missing = [s for s in sources if not Path(importlib.util.cache_from_source(str(s))).exists()]
    assert missing == []


def test_the_service_may_read_all_of_it_and_write_none_of_it(fresh: Path) -> None:
    for path in (*installed(fresh), fresh / "opt", *(fresh / "etc").rglob("*")):
        expected = 0o005 if path.is_dir() else 0o004
        assert path.stat().st_mode & expected == expected, path
        assert path.stat().st_mode & 0o022 == 0, path


def test_the_command_is_on_the_path_and_the_unit_where_systemd_looks(fresh: Path) -> None:
    local = fresh / "usr/local"
    assert (local / "bin/milepost").readlink() == Path("/opt/milepost/bin/milepost")
    unit = (local / "lib/systemd/system/milepost.service").read_text()
    assert "ExecStart=/opt/milepost/bin/milepost run " in unit


def test_uninstalling_leaves_the_store_and_the_configuration_and_says_so(
    used: Path, tmp_path: Path
) -> None:
    without = shutil.ignore_patterns("site-packages")
    box = shutil.copytree(used, tmp_path / "box", symlinks=True, ignore=without)
    with make("uninstall", box) as made:
        said = finish(made)
    left = sorted(str(path.relative_to(box)) for path in box.rglob("*") if path.is_file())
    assert left == ["etc/milepost/milepost.toml", "var/lib/milepost/milepost.db"]
    assert not (box / "usr/local/bin/milepost").is_symlink()
    assert "/var/lib/milepost" in said
    assert "/etc/milepost" in said
