"""Write what follows from the code: `make docs`."""

from pathlib import Path

from docs.reference.events import page, schema
from docs.reference.profiles import index, pages

DOCS = Path(__file__).parents[1]

if __name__ == "__main__":
    events = DOCS / "events.md"
    events.write_text(page(events.read_text(encoding="utf-8")), encoding="utf-8")
    (DOCS / "events.schema.json").write_text(schema(), encoding="utf-8")
    profiles = DOCS / "profiles"
    for name, text in pages().items():
        (profiles / f"{name}.md").write_text(text, encoding="utf-8")
    readme = profiles / "README.md"
    readme.write_text(index(readme.read_text(encoding="utf-8")), encoding="utf-8")
