"""A story is found by whatever name a person has at hand: of the thing, or read off its label."""

import pytest

from buffer import outbox
from buffer.outbox import MilestoneRow
from buffer.reader import Reader
from buffer.store import Store
from edge.trace import tell

AT = 1_800_000_000_000
SSCC = "340123450000000017"


@pytest.fixture(autouse=True)
async def _told(store: Store) -> None:
    """A unit, a place and a device have a milestone each."""
    keys = (f"unit:{SSCC}", "read_point:lane-3", "device:sealer-1")
    rows = [
        MilestoneRow(number.to_bytes(16), "jammed", "rule", key, AT, AT, "in_order", None, b"{}")
        for number, key in enumerate(keys, 1)
    ]
    await store.write(lambda c: [outbox.append(c, row, [row.key], [], {}) for row in rows])


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (SSCC, f"unit:{SSCC}"),
        (f"00{SSCC}", f"unit:{SSCC}"),
        (f"]C100{SSCC}", f"unit:{SSCC}"),
        (f"(00){SSCC}", f"unit:{SSCC}"),
        (f"https://id.gs1.org/00/{SSCC}", f"unit:{SSCC}"),
        (f"unit:{SSCC}", f"unit:{SSCC}"),
        ("lane-3", "read_point:lane-3"),
        ("sealer-1", "device:sealer-1"),
    ],
)
async def test_what_is_meant_by_a_name_is_found(reader: Reader, name: str, key: str) -> None:
    story = await tell(reader, name, ["device", "read_point", "unit"])
    assert story is not None
    assert story.key == key
    assert [chapter.milestone.key for chapter in story.chapters] == [key]


@pytest.mark.parametrize("name", ["lane-4", "340123450000000018", "]C1", "(00)", "unit:lane-3", ""])
async def test_what_has_no_such_name_is_unknown(reader: Reader, name: str) -> None:
    assert await tell(reader, name, ["device", "read_point", "unit"]) is None
