"""Rules that count what is packed into a carton: as a whole, each by itself, or until enough."""

from typing import Any

PACKED: dict[str, Any] = {
    "operator": "gather",
    "milestone": "packed",
    "about": "unit",
    "of": {"kind": "pack"},
    "distinct": "item",
    "closed_by": {"kind": "closed"},
    "within_seconds": 6,
    "wait_seconds": 2,
}
WHOLE = {**PACKED, "children": "item"}
EACH = {**PACKED, "each": "item"}
OVER = {
    **PACKED,
    "milestone": "picked",
    "over": "over_picked",
    "quantity": "quantity",
    "until": "requested",
}
