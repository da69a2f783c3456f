"""How the store can fail. Each is named for what the daemon does next."""


class StoreRefused(Exception):
    """The store must not be touched: corrupt, from a newer version, or in use. Exit 3."""


class StoreFailed(Exception):
    """Reading or writing failed while running; nothing more is acknowledged. Exit 4."""
