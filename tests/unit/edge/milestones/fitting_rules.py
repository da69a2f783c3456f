"""Rules, and what observations there are, for tests of whether they fit together."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from edge.milestones.rules import Rule

RULES: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Rule])
ONE = {"operator": "one", "milestone": "received", "about": "unit", "of": {"kind": "scan"}}
KINDS = {"scan": frozenset({"floor"})}

Table = Mapping[str, Mapping[str, Any]]
FIELDS = {
    "scan": frozenset({"unit", "read_point", "rma"}),
    "task": frozenset({"unit", "device", "status", "type"}),
    "pick": frozenset({"order", "line", "pick", "item", "quantity", "unit"}),
    "line-closed": frozenset({"order", "line", "picked", "requested", "unit"}),
    "load": frozenset({"pallet", "door"}),
    "motor": frozenset({"device", "amps", "mode"}),
}
PICKED: Mapping[str, Any] = {
    "operator": "gather",
    "milestone": "picked",
    "partial": "short",
    "about": "order",
    "of": {"kind": "pick"},
    "distinct": "pick",
    "until": "quantity",
    "within_seconds": 60,
}
