"""How the store can fail. Each is named for what the daemon does next."""


class StoreRefused(Exception):
    """The store must not be touched: corrupt, from a newer version, or in use. Exit 3."""


class StoreFailed(Exception):
    """Opening, reading or writing failed, and may work later; nothing is acknowledged. Exit 4."""
