"""From a seed to a scenario."""

from random import Random

from simulators.scenario import dock, inbound, misbehaviour, outbound
from simulators.scenario.model import Draft, Scenario

LEAST_SECONDS = 20.0


def plan(seed: int, seconds: float) -> Scenario:
    """Return what happens in a site within about `seconds` of play.

    At least 40 orders and 200 handling units from receipt to departure,
    whatever the length. Conveyor, picking and loading keep their pace; only
    how densely things begin depends on `seconds`.

    Raises:
        ValueError: `seconds` is too short for one order to flow through.

    """
    if seconds < LEAST_SECONDS:
        raise ValueError(f"a scenario needs at least {LEAST_SECONDS:.0f} seconds, not {seconds:g}")
    rng = Random(seed)
    draft = Draft()
    inbound.arrive(draft, rng, seconds)
    cartons = outbound.ship_orders(draft, rng, seconds)
    departed = dock.load_trailers(draft, rng, cartons)
    dock.come_back(draft, rng, seconds, departed)
    acts = misbehaviour.tell(draft.happenings, rng) + misbehaviour.break_a_scanner(rng, seconds)
    return Scenario(
        seed,
        seconds,
        tuple(sorted(acts, key=lambda act: act.offset)),
        tuple(fact for _, fact in sorted(draft.facts, key=lambda pair: pair[0])),
    )
