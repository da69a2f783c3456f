"""Write what follows from the code: `make docs`."""

from pathlib import Path

from docs.reference.events import page, schema

DOCS = Path(__file__).parents[1]

if __name__ == "__main__":
    events = DOCS / "events.md"
    events.write_text(page(events.read_text(encoding="utf-8")), encoding="utf-8")
    (DOCS / "events.schema.json").write_text(schema(), encoding="utf-8")
