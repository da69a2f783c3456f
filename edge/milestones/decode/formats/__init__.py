"""The formats of payloads, one module each; its `read` is the format.

`FIELDS` names the fields that its parts can have by themselves. To add a format,
add a module: its name is the name in the configuration.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from edge.milestones.decode.part import Format

_MODULES = {
    module.name: import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)
}

FORMATS: Mapping[str, Format] = {name: module.read for name, module in _MODULES.items()}
FIELDS: Mapping[str, frozenset[str]] = {name: module.FIELDS for name, module in _MODULES.items()}
