"""One ERP serves most tests of a file, so each has keys of its own."""

from collections.abc import Iterator

import pytest

from simulators.erp_process import ErpProcess


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErpProcess]:
    with ErpProcess(tmp_path_factory.mktemp("erp")) as running:
        yield running
