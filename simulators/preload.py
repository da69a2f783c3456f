"""C libraries that are loaded before all others, to change what a program gets from the system."""

import shutil
import subprocess
from pathlib import Path


def lacks() -> str | None:
    """Return what this machine lacks to build them, None if nothing."""
    return None if shutil.which("cc") else "a C compiler; on Debian: apt-get install gcc libc6-dev"


def build(source: Path, directory: Path) -> Path:
    """Compile the library into a directory; return where it is, for LD_PRELOAD."""
    library = directory / f"{source.stem}.so"
    options = ["-shared", "-fPIC", "-O2", "-Wall", "-Werror"]
    subprocess.run(["cc", *options, "-o", library, source, "-ldl"], check=True)  # noqa: S603, S607 - our own arguments
    return library
