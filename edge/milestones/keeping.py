"""Milestones as tracks keep them: JSON."""

from typing import Any

from edge.milestones.model import Mark, Milestone, Name, Severity
from edge.milestones.step import State


def to_json(milestone: Milestone) -> dict[str, Any]:
    """Return a milestone as tracks keep it; no retraction is ever kept."""
    return {
        "id": milestone.id,
        "name": milestone.name.value,
        "rule": milestone.rule,
        "key": milestone.key,
        "occurred_at": milestone.occurred_at,
        "attributes": milestone.attributes,
        "evidence": list(milestone.evidence),
        "mark": milestone.mark.value,
        "rule_version": milestone.rule_version,
        "severity": milestone.severity,
        "blocks": milestone.blocks,
        "told_through": milestone.told_through,
        "lag": milestone.lag,
    }


def from_json(state: State) -> Milestone:
    """Return a milestone that was kept."""
    return Milestone(
        id=state["id"],
        name=Name(state["name"]),
        rule=state["rule"],
        key=state["key"],
        occurred_at=state["occurred_at"],
        attributes=state["attributes"],
        evidence=tuple(state["evidence"]),
        mark=Mark(state["mark"]),
        rule_version=state.get("rule_version", ""),
        severity=state.get("severity") and Severity(state["severity"]),
        blocks=state.get("blocks"),
        told_through=state.get("told_through"),
        lag=state.get("lag", 0),
    )
