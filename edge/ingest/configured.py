"""The engine and the judge that a configuration asks for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from drivers.contract import Clock
from edge.config import Configuration
from edge.ingest.conclusions import Route
from edge.ingest.device_clocks import DeviceClocks
from edge.ingest.judging import Judge
from edge.milestones.decode import Decoder, sources_of
from edge.milestones.engine import RulesEngine
from edge.milestones.rules import Rule
from edge.milestones.site import Site


def rules_engine(
    configuration: Configuration,
    former: Mapping[str, Sequence[Rule]] = MappingProxyType({}),
    gone: Iterable[str] = (),
) -> RulesEngine:
    """Return the engine with the rules and lifecycles of the configuration.

    `former` has, by name, what rules were before, where they still finish something;
    `gone` are sources of which something may still be held.
    """
    return RulesEngine(
        configuration.site.uri,
        configuration.rules,
        configuration.lifecycles,
        sources_of(configuration.observations),
        configuration.reorder,
        former=former,
        gone=gone,
    )


def judge(
    configuration: Configuration,
    engine: RulesEngine,
    clock: Clock,
    confirm: Callable[[int], None],
) -> Judge:
    """Return the judge of what the configured sources say, for the configured destinations."""
    return Judge(
        decoder=decoder(configuration),
        engine=engine,
        site=Site(configuration.site.uri, configuration.site.zone_offset),
        routes=routes(configuration),
        clock=clock,
        confirm=confirm,
        clocks=DeviceClocks(
            {
                name: round(each.max_skew_seconds * 1000)
                for name, each in configuration.sources.items()
            }
        ),
    )


def decoder(configuration: Configuration) -> Decoder:
    """Return the decoder with the observations of the configuration."""
    return Decoder(configuration.observations)


def routes(configuration: Configuration) -> list[Route]:
    """Return what each destination is owed."""
    return [Route(name, each.lanes()) for name, each in configuration.destinations.items()]
