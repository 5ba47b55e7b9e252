"""Configuration: a file with positions becomes frozen settings, or a list of mistakes that point."""

from gateway.config.addresses import TcpAddress, UnixAddress
from gateway.config.base import SettingError, Settings
from gateway.config.chain import SettingsResolver
from gateway.config.configuration import Configuration
from gateway.config.load import from_upstream, load_file, load_text
from gateway.config.mistakes import ConfigError, Mistake
from gateway.config.plan import PluginUse, RoutePlan
from gateway.config.schema import json_schema
from gateway.config.settings import (
    AdminSettings,
    GatewaySettings,
    HealthSettings,
    LimitSettings,
    ListenSettings,
    MatchSettings,
    PoolSettings,
    RouteSettings,
    RouteTimeoutSettings,
    ServerSettings,
    TimeoutSettings,
    TlsSettings,
    UpstreamSettings,
    UpstreamTlsSettings,
)

__all__ = [
    "AdminSettings",
    "ConfigError",
    "Configuration",
    "GatewaySettings",
    "HealthSettings",
    "LimitSettings",
    "ListenSettings",
    "MatchSettings",
    "Mistake",
    "PluginUse",
    "PoolSettings",
    "RoutePlan",
    "RouteSettings",
    "RouteTimeoutSettings",
    "ServerSettings",
    "SettingError",
    "Settings",
    "SettingsResolver",
    "TcpAddress",
    "TimeoutSettings",
    "TlsSettings",
    "UnixAddress",
    "UpstreamSettings",
    "UpstreamTlsSettings",
    "from_upstream",
    "json_schema",
    "load_file",
    "load_text",
]
