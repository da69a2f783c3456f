"""What a start that is refused says to do can be done, and mends it."""

import re
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from buffer.failures import StoreCorrupt
from buffer.maintenance.recovery import recover
from buffer.setting_aside import set_aside_directories
from buffer.starting import start
from buffer.store import Store
from tests.unit.buffer.damage import NOW, PAGE, fill, overwrite, pages_of, rows_of
from tests.unit.buffer.rows import owe


async def test_of_two_stores_that_went_corrupt_both_are_recovered_as_the_refusal_says(
    path: Path,
) -> None:
    """While the second is in use nothing can be brought over into it."""
    before = {row[0] for row in fill(path)["milestone"]}
    overwrite(path, pages_of(path)["entry_milestone"][0][0], b"\xa5" * PAGE)
    with closing(start(path, "set-aside", NOW)) as connection:
        owe(connection, 9000)
        (since,) = connection.execute("SELECT seq FROM milestone").fetchone()
    overwrite(path, pages_of(path)["entry_milestone"][0][0], b"\xa5" * PAGE)
    with pytest.raises(StoreCorrupt) as refused:
        start(path, "set-aside", NOW + 1000)
    _, move, *recoveries = re.findall(r"`([^`]+)`", str(refused.value))
    _, earlier, renamed = move.split()
    shutil.move(earlier, renamed)
    start(path, "set-aside", NOW + 1000).close()
    assert recoveries == [f"sudo milepost store recover {renamed}", "sudo milepost store recover"]
    (later,) = set_aside_directories(path)
    store = Store.open(path)
    for directory in (Path(renamed), later):
        recovered = await recover(store, directory, lanes={}, who="op", clock=lambda: NOW)
        assert recovered.lost == {}
    after = await store.write(rows_of)
    await store.close()
    assert {row[0] for row in after["milestone"]} == {*before, since}
