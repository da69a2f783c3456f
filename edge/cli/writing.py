"""Where lines are written that somebody takes elsewhere."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import typer

STANDARD_OUTPUT = Path("-")


@contextmanager
def new_file(to: Path | None) -> Iterator[BinaryIO]:
    """Open a new file, on the disk when it is left; or standard output, as None or "-".

    Raises:
        typer.BadParameter: It is there already, or cannot be made.

    """
    if to is None or to == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file = to.open("xb")
    except FileExistsError:
        raise typer.BadParameter(f"{to}: is there already; name a new file") from None
    except OSError as error:
        raise typer.BadParameter(f"{to}: cannot be written ({error.strerror})") from None
    with file:
        yield file
        file.flush()
        os.fsync(file.fileno())
