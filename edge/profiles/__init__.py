"""Profiles: ready-made decoding and rules for the usual devices of a warehouse.

A profile is data, one folder each: `profile.toml` says which parameters it has
and what it expands to, `example.toml` is the smallest site that uses it, and
`tests.toml` holds what it must conclude. To add one, add a folder.
"""

from edge.profiles.expanding import Expansion, expand
from edge.profiles.finding import find, names
from edge.profiles.instance import InstanceSettings, instance_model
from edge.profiles.profile import Profile

__all__ = [
    "Expansion",
    "InstanceSettings",
    "Profile",
    "expand",
    "find",
    "instance_model",
    "names",
]
