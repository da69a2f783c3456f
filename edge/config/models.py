"""The shape of the configuration file."""

import re
from collections.abc import Mapping, Sequence
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ByteSize, Field, create_model, model_validator

import drivers
from buffer.starting import WhenCorrupt
from drivers.contract import Settings
from edge.deliver.settings import DestinationSettings
from edge.milestones.decode import ObservationSettings
from edge.milestones.rules import Lifecycle, Rule
from edge.milestones.site import Site
from edge.profiles import InstanceSettings, instance_model
from edge.profiles import names as profile_names


def _of_form(pattern: str, words: str) -> AfterValidator:
    """Return a check for text of a form, which says in words what is expected."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {words}")
        return text

    return AfterValidator(check)


Label = Annotated[
    str, _of_form(r"[a-z0-9][a-z0-9-]*", "a name of lower-case letters, digits and hyphens")
]
"""A name that the configuration gives."""


class SiteSettings(Settings):
    """The site that this gateway stands in."""

    name: Label
    uri: Annotated[
        str,
        _of_form(r"https?://[^\s/]+(/\S*[^\s/])?", "an http(s) address without a slash at its end"),
    ]
    """Prefix of identifiers that GS1 does not issue (orders, read points); no slash at the end."""
    zone_offset: str = "+00:00"
    """The site's offset from UTC, told with every event."""

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        Site(self.uri, self.zone_offset)
        return self


class StoreSettings(Settings):
    """Where everything that must survive is kept."""

    path: Path = Path("/var/lib/milepost/milepost.db")
    max_size: Annotated[ByteSize, Field(ge=1024 * 1024)] | None = None
    """Its budget ("8 GB"); unless told, what it has and most of what is free beside it."""
    when_corrupt: WhenCorrupt = "set-aside"
    """Whether a corrupt store is set aside whole and a fresh one begun, or the daemon stops."""
    keep_signals_days: Annotated[int, Field(ge=1)] = 30
    """How long signals are kept; those that explain an undelivered milestone, until it is."""
    keep_milestones_days: Annotated[int, Field(ge=1)] = 400
    """How long delivered milestones are kept, and how long a fact said again is recognised."""


class ControlSettings(Settings):
    """Where `milepost health` and its like reach the daemon."""

    socket: Path = Path("/run/milepost/control.sock")


class SourceSettings(Settings):
    """A connection that signals come from. Its driver adds settings of its own."""

    driver: str
    """The protocol: name of a driver."""
    lane: Literal["critical", "normal", "bulk"] = "normal"
    """Whose signals are taken in while the disk fills up: bulk stops first, critical last."""
    reorder_seconds: Annotated[float, Field(ge=0, le=60)] = 0
    """By how much it may tell things out of order; so long they are held, and judged in order."""
    max_skew_seconds: Annotated[float, Field(gt=0)] = 30
    """By how much its devices' clocks may be off before health says so."""


class Configuration(Settings):
    """The whole configuration file."""

    site: SiteSettings
    store: StoreSettings = StoreSettings()
    control: ControlSettings = ControlSettings()
    sources: Mapping[Label, SourceSettings]
    destinations: Mapping[Label, DestinationSettings]
    profiles: Mapping[Label, InstanceSettings] = {}
    """Devices that are decoded and judged as a profile says."""
    observations: tuple[ObservationSettings, ...] = ()
    rules: Mapping[Label, Rule] = {}
    lifecycles: Mapping[Label, Lifecycle] = {}

    @property
    def reorder(self) -> Mapping[str, int]:
        """By how many milliseconds each source may tell things out of order."""
        return {name: round(each.reorder_seconds * 1000) for name, each in self.sources.items()}


@cache
def configuration_model() -> type[Configuration]:
    """Return the model with the settings of every driver that is installed, and every profile."""
    found = {name: drivers.find(name) for name in drivers.names()}
    sources = _of_drivers(SourceSettings, {n: d.source_settings for n, d in found.items()})
    destinations = _of_drivers(DestinationSettings, {n: d.sink_settings for n, d in found.items()})
    instances = _one_of([instance_model(name) for name in profile_names()], "use")
    model: type[Configuration] = create_model(
        "Configuration",
        __base__=Configuration,
        __doc__=Configuration.__doc__,
        sources=(Mapping[Label, sources], ...),  # type: ignore[valid-type]  # built at run time
        destinations=(Mapping[Label, destinations], ...),  # type: ignore[valid-type]  # as above
        profiles=(Mapping[Label, instances], {}),  # type: ignore[valid-type]  # as above
    )
    return model


def _of_drivers(common: type[Settings], of_driver: Mapping[str, type[Settings] | None]) -> Any:
    """Return the union of the drivers' settings, told apart by `driver`."""
    models = [
        create_model(
            f"{name}-{common.__name__}",
            __base__=(common, settings),
            __doc__=settings.__doc__,
            driver=(Literal[name], ...),  # type: ignore[arg-type]  # as above
        )
        for name, settings in of_driver.items()
        if settings is not None
    ]
    return _one_of(models, "driver")


def _one_of(models: Sequence[type[Settings]], discriminator: str) -> Any:
    """Return the union of models, told apart by one of their fields."""
    if len(models) == 1:
        return models[0]
    return Annotated[reduce(or_, models), Field(discriminator=discriminator)]
