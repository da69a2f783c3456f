"""What is right by itself but does not fit together with the rest of the configuration."""

from collections.abc import Iterator

import drivers
from edge.config.leaving_out import NOTHING, LeftOut
from edge.config.models import Configuration
from edge.milestones.decode import ObservationSettings, fields_of, overlaps, sources_of
from edge.milestones.feeding import conclusions
from edge.milestones.fitting import Misfit, apart, misfits, offered, unknown_fields

_SOMEWHERE = frozenset({"somewhere"})


def contradictions(configuration: Configuration, left_out: LeftOut = NOTHING) -> Iterator[Misfit]:
    """Find what can never work, though every part of it is as it should be.

    Of what may have to do with what was left out nothing is said.
    """
    yield from _observations(configuration, left_out)
    rules, lifecycles = configuration.rules, configuration.lifecycles
    heard = {pattern.hears for rule in rules.values() for pattern in rule.patterns()}
    unclear = {kind for kind in heard if left_out.may_tell(kind)}
    sources = {**dict.fromkeys(unclear, _SOMEWHERE), **sources_of(configuration.observations)}
    fields = fields_of(configuration.observations)
    known = {kind: fields[kind] for kind in fields if kind not in unclear}
    are_all = not left_out.may_conclude
    yield from misfits(rules, lifecycles, sources, are_all=are_all)
    yield from unknown_fields(rules, lifecycles, known, are_all=are_all)
    if are_all:
        yield from apart(rules, lifecycles)
    yield from _destinations(configuration, left_out)


def _observations(configuration: Configuration, left_out: LeftOut) -> Iterator[Misfit]:
    """Find observations that no signal can give."""
    for index, observation in enumerate(configuration.observations):
        name, subject = observation.source, observation.subject
        if ("observations", index) in left_out.parts:
            continue
        yield from _computed(index, observation)
        if ("sources", name) in left_out.parts:
            continue
        source = configuration.sources.get(name)
        if source is None:
            words = f"no such source: {name!r}; there are {', '.join(configuration.sources)}"
            yield Misfit(("observations", index, "source"), words)
            continue
        subjects = drivers.find(source.driver).subjects
        if subjects is None:
            continue
        known = list(subjects(source))
        if not any(overlaps(subject, each) for each in known):
            words = f"sources.{name} has no subject {subject!r}; "
            words += offered("subjects", subject, known)
            yield Misfit(("observations", index, "subject"), words)


def _computed(index: int, observation: ObservationSettings) -> Iterator[Misfit]:
    """Find what expressions read and the observation does not."""
    known = observation.read_fields()
    for name, computation in observation.compute.items():
        for field in computation.reads:
            if field not in known:
                words = f"reads no field {field!r}; "
                words += offered("fields", field, known)
                yield Misfit(("observations", index, "compute", name), words)


def _destinations(configuration: Configuration, left_out: LeftOut) -> Iterator[Misfit]:
    """Find milestones that a destination names and no rule concludes."""
    concluded = conclusions(configuration.rules, configuration.lifecycles)
    for label, destination in configuration.destinations.items():
        live = destination.shadow_of
        if live is not None and ("destinations", live) not in left_out.parts:
            others = [
                name
                for name, each in configuration.destinations.items()
                if name != label and each.shadow_of is None
            ]
            if live not in others:
                words = f"no such destination: {live!r}; {offered('others', live, others)}"
                yield Misfit(("destinations", label, "shadow_of"), words)
        for setting in ("milestones", "critical", "bulk"):
            # What nobody has set names whatever there may be.
            if setting in destination.model_fields_set and not left_out.may_conclude:
                for missing in sorted(set(getattr(destination, setting)) - concluded):
                    words = f"no rule concludes {missing.value!r}"
                    yield Misfit(("destinations", label, setting), words)
