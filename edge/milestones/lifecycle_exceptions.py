"""What a lifecycle itself concludes: that a milestone is illegal, or that nobody knew the key."""

from dataclasses import replace

from edge.milestones.identity import milestone_id
from edge.milestones.model import SEVERITY, Mark, Milestone, Name


def illegal(site: str, lifecycle: str, milestone: Milestone, already: str) -> Milestone:
    """Return the exception that a milestone cannot be, as another one says the same already.

    Of a retraction of such a milestone: the retraction of that exception. It has
    the evidence and the fields of the milestone; `stage` is its name, and
    `already` the id of the one that stands.
    """
    refused = milestone.retracts or milestone.id
    id_ = _id(site, lifecycle, Name.ILLEGAL, milestone, refused)
    told = replace(
        _about(milestone, lifecycle, Name.ILLEGAL, id_, already=already), mark=milestone.mark
    )
    if milestone.retracts is None:
        return told
    own_id = _id(site, lifecycle, Name.ILLEGAL, milestone, refused, retraction=True)
    return replace(told, id=own_id, retracts=id_)


def unknown(site: str, lifecycle: str, milestone: Milestone) -> Milestone:
    """Return the exception that a key has come to a stage though it never came to the first one."""
    id_ = _id(site, lifecycle, Name.UNKNOWN, milestone)
    return _about(milestone, lifecycle, Name.UNKNOWN, id_)


def not_unknown(site: str, told: Milestone, first: Milestone) -> Milestone:
    """Return the retraction of `unknown`: the first stage had come in time, and was told late."""
    return replace(
        told,
        id=_id(site, told.rule, Name.UNKNOWN, told, retraction=True),
        evidence=tuple(sorted({*told.evidence, *first.evidence})),
        mark=Mark.LATE,
        retracts=told.id,
    )


def _about(milestone: Milestone, lifecycle: str, name: Name, id_: str, **more: str) -> Milestone:
    return Milestone(
        id=id_,
        name=name,
        rule=lifecycle,
        key=milestone.key,
        occurred_at=milestone.occurred_at,
        attributes={**milestone.attributes, "stage": milestone.name.value, **more},
        evidence=milestone.evidence,
        severity=SEVERITY[name],
    )


def _id(
    site: str,
    lifecycle: str,
    name: Name,
    milestone: Milestone,
    *occurrence: str,
    retraction: bool = False,
) -> str:
    return milestone_id(
        milestone.occurred_at,
        site,
        lifecycle,
        name,
        milestone.key,
        occurrence=occurrence,
        retraction=retraction,
    )
