"""The configuration file: one TOML, checked whole before anything starts."""

from edge.config.loading import ConfigurationFault, Fault, load
from edge.config.models import Configuration, configuration_model
from edge.config.remarks import remarks

__all__ = ["Configuration", "ConfigurationFault", "Fault", "configuration_model", "load", "remarks"]
