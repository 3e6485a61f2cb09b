"""Configuration: frozen models, YAML files read and merged once at start."""

from onemap.config.load import load_settings, read_yaml, validate
from onemap.config.models import Limits, PolicySettings, ProcessSettings, Service, Settings, StoreSettings, Text
from onemap.config.shipped import shipped

__all__ = [
    "Limits",
    "PolicySettings",
    "ProcessSettings",
    "Service",
    "Settings",
    "StoreSettings",
    "Text",
    "load_settings",
    "read_yaml",
    "shipped",
    "validate",
]
