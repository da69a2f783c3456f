"""The formats of payloads, one module each; its `read` is the format.

To add one, add a module: its name is the name in the configuration.
"""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from edge.milestones.decode.part import Format

FORMATS: Mapping[str, Format] = {
    module.name: import_module(f"{__name__}.{module.name}").read
    for module in iter_modules(__path__)
}
