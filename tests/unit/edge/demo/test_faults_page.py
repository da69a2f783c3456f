"""docs/reliability.md tells of every fault what the demonstration does."""

import re
from pathlib import Path

from edge.demo.faults import FAULTS

PAGE = Path(__file__).parents[4] / "docs" / "reliability.md"


def test_the_page_has_each_fault_in_the_words_in_which_the_demonstration_lists_it() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(name, fault.words) for name, fault in FAULTS.items()]
