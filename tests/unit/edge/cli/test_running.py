"""What the daemon's process writes: JSON, a line for each event, whoever tells it."""

import subprocess
import sys

import orjson

TELLING = """
import asyncio, logging
import structlog
from edge.cli.running import _log_as_json

_log_as_json()
structlog.get_logger().warning("link_down", link="plc", reason="gone")
logging.getLogger("asyncua").warning("cannot make sense of %s", "this")
logging.getLogger("httpx").info("every request")

async def fails():
    raise OSError("disk failed")

async def forget():
    task = asyncio.create_task(fails())
    await asyncio.sleep(0)

asyncio.run(forget())
"""


def test_the_log_is_one_json_object_a_line_whoever_tells_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TELLING], capture_output=True, text=True, check=True
    )
    ours, library, forgotten = (orjson.loads(line) for line in done.stderr.splitlines())
    assert (ours["event"], ours["level"], ours["reason"]) == ("link_down", "warning", "gone")
    assert library["event"] == "cannot make sense of this"
    assert (library["level"], library["logger"]) == ("warning", "asyncua")
    assert library.keys() == {"event", "level", "logger", "timestamp"}
    assert forgotten["event"].startswith("Task exception was never retrieved")
    assert "OSError: disk failed" in forgotten["exception"]
