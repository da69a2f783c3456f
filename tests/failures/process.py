"""What the kernel tells of a process that runs."""

import os
from pathlib import Path


def resident_bytes(pid: int) -> int:
    """Return how much memory it holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Return how long it has computed, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_files(pid: int, beginning: Path) -> dict[str, str]:
    """Return the files whose path begins so that it holds open, by descriptor."""
    held = {}
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = descriptor.readlink()
        except FileNotFoundError:  # closed meanwhile
            continue
        if str(target).startswith(str(beginning)):
            held[descriptor.name] = f"{target} {descriptor.stat().st_ino}"
    return held
