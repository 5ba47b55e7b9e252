"""The gateway as a measurement starts it: a configuration as JSON (which is YAML 1.2) and a command line."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.support.ports import LOOPBACK
from loadtests.support.processes import Running, start


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """What a measurement varies; everything else keeps its default."""

    plugins: Sequence[str] = ()
    """Names of the chain, outermost first, each with its default settings."""
    workers: int = 1
    limits: Mapping[str, object] = field(default_factory=lambda: {"connections_per_address": 10_000})
    """All load comes from one address here, so the limit for each address would be hit before any other."""
    pool: Mapping[str, object] = field(default_factory=dict)
    admin_port: int | None = None
    replay: bool = True
    """Whether the replay lane may answer."""
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Settings of plugins that are not the defaults, by name."""
    sections: Mapping[str, object] = field(default_factory=dict)
    """Whole sections of the configuration beside those named here."""


def configuration(port: int, origin_port: int, options: GatewayOptions) -> dict[str, object]:
    """The whole configuration for a gateway on `port` in front of the origin on `origin_port`."""
    upstream: dict[str, object] = {"servers": [f"http://{LOOPBACK}:{origin_port}"]}
    if options.pool:
        upstream["pool"] = dict(options.pool)
    settings: dict[str, object] = {
        "listen": f"{LOOPBACK}:{port}",
        "admin": "off" if options.admin_port is None else f"{LOOPBACK}:{options.admin_port}",
        "workers": options.workers,
        "upstreams": {"app": upstream},
        "plugins": [{name: dict(options.settings.get(name, {}))} for name in options.plugins],
        **options.sections,
    }
    if not options.replay:
        settings["replay"] = {"memory": "off"}
    if options.limits:
        settings["limits"] = dict(options.limits)
    return settings


def command(port: int, origin_port: int, options: GatewayOptions, path: Path) -> list[str]:
    """Write the configuration to `path` and return the command that runs it."""
    path.write_text(json.dumps(configuration(port, origin_port, options), indent=2) + "\n")
    return [sys.executable, "-m", "gateway", "run", "-c", str(path)]


def start_gateway(
    port: int, origin_port: int, options: GatewayOptions, *, directory: Path, cores: frozenset[int] = frozenset()
) -> Running:
    """Start the gateway; the caller waits until it answers and stops it."""
    argv = command(port, origin_port, options, directory / "gateway.yaml")
    return start("slipstream", argv, directory=directory, cores=cores)
