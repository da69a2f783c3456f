"""The `[profiles.*]` of the configuration: a profile, used for a device of the site."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from drivers.contract import Settings
from edge.profiles.finding import find
from edge.profiles.profile import Parameter

_TYPES: Mapping[str, Any] = {
    "text": Annotated[str, Field(min_length=1)],
    "number": int | float,
    "texts": tuple[Annotated[str, Field(min_length=1)], ...],
}


class InstanceSettings(Settings):
    """A device of the site. Its profile adds parameters of its own."""

    use: str
    """Which profile."""
    without: tuple[str, ...] = ()
    """Rules and observations of the profile that are left out here."""
    observations: Mapping[str, Mapping[str, Any]] = {}
    """Settings of the profile's observations that are different here."""
    rules: Mapping[str, Mapping[str, Any]] = {}
    """Settings of the profile's rules that are different here."""


@cache
def instance_model(name: str) -> type[InstanceSettings]:
    """Return the model of what a site says when it uses the profile."""
    profile = find(name)
    observations = Literal[tuple(profile.observations)]  # type: ignore[valid-type]  # built at run time
    rules = Literal[tuple(profile.rules)]  # type: ignore[valid-type]  # as above
    parts = Literal[(*profile.observations, *profile.rules)]  # type: ignore[valid-type]  # as above
    fields: dict[str, Any] = {
        "use": (Literal[name], ...),
        "without": (tuple[parts, ...], ()),
        "observations": (Mapping[observations, Mapping[str, Any]], {}),  # type: ignore[valid-type]
        "rules": (Mapping[rules, Mapping[str, Any]], {}),  # type: ignore[valid-type]
        **{name: _field(parameter) for name, parameter in profile.parameters.items()},
    }
    model: type[InstanceSettings] = create_model(
        f"{name}-profile", __base__=InstanceSettings, __doc__=profile.summary, **fields
    )
    return model


def _field(parameter: Parameter) -> tuple[Any, Any]:
    kind = _TYPES[parameter.type]
    if parameter.is_required:
        return kind, Field(description=parameter.meaning)
    if parameter.default is None:
        kind = kind | None
    return kind, Field(parameter.default, description=parameter.meaning, validate_default=True)
