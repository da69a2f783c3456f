"""Sites that several tests of operators look at."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.edge.milestones.operators.photo_eye import JAMMED, Eye


@pytest.fixture
def watch(site: Callable[..., Any]) -> Callable[..., Eye]:
    """Return what makes a site with a photo-eye, by changed settings."""

    def make(**changed: object) -> Eye:
        rule = {**JAMMED, **changed}
        return Eye(site({"jammed": {k: v for k, v in rule.items() if v is not None}}))

    return make
