"""The versions of the store's schema, and taking a store from one to the next."""

import sqlite3
from importlib.resources import files


def schema_versions() -> list[tuple[int, str]]:
    """Return (version, script) of every schema step, in order."""
    steps = [f for f in (files("buffer") / "schema").iterdir() if f.name.endswith(".sql")]
    return sorted((int(f.name.removesuffix(".sql")), f.read_text(encoding="utf-8")) for f in steps)


def migrate(connection: sqlite3.Connection, steps: list[tuple[int, str]]) -> None:
    """Take each step in a transaction of its own; forward only.

    A step is taken whole or not at all, whatever ends the process in its middle.
    """
    # Sorting for a new index may need more than memory has.
    connection.execute("PRAGMA temp_store = FILE")
    for version, script in steps:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _split(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")


def _split(script: str) -> list[str]:
    """Split a script into statements (executescript would commit on its own)."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
