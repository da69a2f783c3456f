"""Which keys a table may have, for the message about one that it may not. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any


def keys(schema: Mapping[str, Any], loc: Sequence[str | int]) -> Sequence[str]:
    """Return the keys that the table at a place may have; none, if the schema does not say.

    `schema` is the JSON Schema of a model, and `loc` leads through it as the model's own errors
    do: members of unions are named by what tells them apart.
    """
    node = _named(schema, schema)
    for part in loc:
        found = next(filter(None, (_step(each, part) for each in _members(schema, node))), None)
        if found is None:
            return ()
        node = _named(schema, found)
    return [*{key: None for each in _members(schema, node) for key in each.get("properties", ())}]


def _members(schema: Mapping[str, Any], node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the node and, if it is a union that nothing tells apart, what it is of."""
    return [node, *(_named(schema, each) for each in node.get("anyOf", ()))]


def _step(node: Mapping[str, Any], part: str | int) -> Mapping[str, Any] | None:
    if isinstance(part, int):
        found = node.get("items")
    elif "discriminator" in node:
        found = {"$ref": node["discriminator"]["mapping"].get(part)}
    else:
        found = node.get("properties", {}).get(part, node.get("additionalProperties"))
    return found if isinstance(found, Mapping) else None


def _named(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference to what it names."""
    if (name := node.get("$ref")) is None:
        return node
    found: Mapping[str, Any] = schema["$defs"].get(name.removeprefix("#/$defs/"), {})
    return found
