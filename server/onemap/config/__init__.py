"""Configuration: frozen models, YAML files read and merged once at start."""

from onemap.config.load import load_settings, read_yaml, validate
from onemap.config.models import (
    AdminSettings,
    CallbackSettings,
    EditingSettings,
    GeoPackageSettings,
    JobSettings,
    Limits,
    OutboundSettings,
    PackSettings,
    PolicySettings,
    PostgisSettings,
    ProcessSettings,
    PygeoapiSettings,
    ReferenceSettings,
    Service,
    Settings,
    StoreSettings,
    Text,
    Timeouts,
)
from onemap.config.shipped import shipped

__all__ = [
    "AdminSettings",
    "CallbackSettings",
    "EditingSettings",
    "GeoPackageSettings",
    "JobSettings",
    "Limits",
    "OutboundSettings",
    "PackSettings",
    "PolicySettings",
    "PostgisSettings",
    "ProcessSettings",
    "PygeoapiSettings",
    "ReferenceSettings",
    "Service",
    "Settings",
    "StoreSettings",
    "Text",
    "Timeouts",
    "load_settings",
    "read_yaml",
    "shipped",
    "validate",
]
