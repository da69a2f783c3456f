"""How the store can fail. Each is named for what the daemon does next."""

from pathlib import Path


class StoreRefused(Exception):
    """The store must not be touched: corrupt, from a newer version, or in use. Exit 3."""


class StoreCorrupt(StoreRefused):
    """The store is ours and its file is damaged: it is set aside, or the daemon stops."""

    def __init__(self, path: Path, what: str, advice: str) -> None:
        super().__init__(f"{path}: corrupt ({what}); it has not been repaired. {advice}")
        self.what = what


class StoreFailed(Exception):
    """Opening, reading or writing failed, and may work later; nothing is acknowledged. Exit 4."""
