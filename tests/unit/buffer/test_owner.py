"""What is done with sudo keeps the daemon, whose account is another, from nothing."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from buffer.failures import StoreFailed, StoreRefused
from buffer.reader import must_be_readable
from buffer.store import Store
from tests.accounts import SOMEBODY, directory_of_somebody, somebody, takes_root
from tests.unit.buffer.rows import owe

pytestmark = takes_root


@pytest.fixture
def path() -> Iterator[Path]:
    """Return where somebody's store is to be."""
    with directory_of_somebody() as directory:
        yield directory / "milepost.db"


async def used(path: Path, number: int) -> None:
    store = Store.open(path)
    await store.write(lambda c: owe(c, number))
    await store.close()


def owners(directory: Path) -> dict[str, tuple[int, int]]:
    return {f.name: (f.stat().st_uid, f.stat().st_gid) for f in directory.iterdir()}


def put_back(path: Path, mode: int) -> None:
    """Make it root's, as cp(1) or scp(1) does."""
    os.chown(path, 0, 0)
    path.chmod(mode)


def refusal(path: Path) -> str:
    with somebody(), pytest.raises(StoreRefused) as refused:
        Store.open(path)
    return str(refused.value)


async def test_what_root_makes_belongs_to_the_owner_of_the_directory(path: Path) -> None:
    await used(path, 1)
    theirs = (SOMEBODY, SOMEBODY)
    assert owners(path.parent) == {
        path.name: theirs,
        f"{path.name}.lock": theirs,
        f"{path.name}.reserve": theirs,
    }
    with somebody():
        await used(path, 2)


def test_a_file_that_was_there_is_given_to_nobody(path: Path, tmp_path: Path) -> None:
    """Else whoever owns the directory gets any file of root's, by a link to it."""
    secret = tmp_path / "secret"
    secret.touch(0o600)
    path.with_name(f"{path.name}.lock").symlink_to(secret)
    Store.open(path)._writer.close(is_clean=True)
    assert secret.stat().st_uid == 0


@pytest.mark.parametrize("mode", [0o600, 0o644])
async def test_a_backup_that_root_has_put_back_is_refused_with_what_to_do(
    path: Path, mode: int
) -> None:
    with somebody():
        await used(path, 1)
    put_back(path, mode)
    told = refusal(path)
    assert told.startswith(f"{path}: cannot be opened (Permission denied)")
    assert f"`chown milepost: {path}`" in told
    shutil.chown(path, SOMEBODY)
    with somebody():
        await used(path, 2)


async def test_a_file_that_must_not_be_read_is_told_from_a_directory_that_hides_it(
    path: Path,
) -> None:
    await used(path, 1)
    put_back(path, 0o600)
    with somebody(), pytest.raises(StoreFailed, match=r"\(Permission denied\);.*use sudo"):
        must_be_readable(path)


def test_the_file_that_keeps_the_daemon_out_is_named(path: Path) -> None:
    lock = path.with_name(f"{path.name}.lock")
    lock.touch(0o600)
    told = refusal(path)
    assert told.startswith(f"{lock}: cannot be opened (Permission denied)")
    assert f"`chown milepost: {lock}`" in told


def test_a_directory_that_is_not_the_daemons_is_told_from_a_file(path: Path) -> None:
    shutil.chown(path.parent, 0, 0)
    told = refusal(path)
    assert re.search(r"its directory must belong to the daemon's account\. Anybody else", told)
    assert "chown" not in told
