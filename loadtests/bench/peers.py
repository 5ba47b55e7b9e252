"""Who is measured.

A peer says how to write its configuration for a need and which command runs it. All are set up alike: one worker on one
core, keep-alive to the origin, no limit that the load would hit, no access log, streaming instead of spooling to disk,
and `X-Forwarded-For` and `X-Forwarded-Proto` added.
"""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench import haproxy, nginx, varnish
from loadtests.bench.scenarios import Need, Scenario
from loadtests.support.gateway import GatewayOptions, command
from loadtests.support.ports import LOOPBACK

OURS = "slipstream"
"""The peer all ratios are relative to."""
CHAIN = "slipstream+5"
"""Ours behind five plugins that do nothing."""
NO_REPLAY = "slipstream-no-replay"
"""Ours with every request sent through the chain."""
DEFAULT_CHAIN = "slipstream-chain"
"""Ours with the plugins that it has when it is started without a file."""
REDIS_TIER = "slipstream-redis"
"""Ours with Redis where the others have a disk. What Redis itself uses is not counted."""
OWN = frozenset({OURS, CHAIN, DEFAULT_CHAIN, NO_REPLAY, REDIS_TIER})
"""Peers that are this gateway, and so no measure for it."""

DEFAULT_PLUGINS = ("compress", "cache", "coalesce", "circuit_breaker")
CHAIN_PLUGINS = tuple(f"loadtests.noop:Noop{number}" for number in range(1, 6))
_UPSTREAM_CONNECTIONS = 1024
"""As many as the largest scenario has connections, so that no peer makes requests wait for one another."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where one peer runs during a measurement."""

    port: int
    origin_port: int
    directory: Path
    """A directory of its own, for configuration and temporary files."""
    redis_port: int = 0
    """Where a Redis is, for those who need one."""


Recipe = Callable[[Ground], list[str]]
"""Writes the configuration files and returns the command."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One proxy in the comparison."""

    name: str
    recipes: Mapping[Need, Recipe]
    program: str | None = None
    """The command that must be installed; None when it comes with this checkout."""
    only: frozenset[str] | None = None
    """Names of the scenarios it is measured in; None for all whose need it has a recipe for."""
    codings: frozenset[str] = frozenset({"gzip"})
    """Content codings it can make."""
    needs_redis: bool = False
    """Whether a Redis must run beside it, on the origin's core."""

    def takes_part(self, scenario: Scenario) -> bool:
        """Whether it is measured in `scenario`."""
        if scenario.coding is not None and scenario.coding not in self.codings:
            return False
        return scenario.need in self.recipes and (self.only is None or scenario.name in self.only)

    def is_installed(self) -> bool:
        """Whether its program is on the PATH."""
        return self.program is None or shutil.which(self.program) is not None


def _gateway(*plugins: str, replay: bool = True) -> Recipe:
    options = GatewayOptions(plugins=plugins, pool={"connections": _UPSTREAM_CONNECTIONS}, replay=replay)
    return lambda ground: command(ground.port, ground.origin_port, options, ground.directory / "config.yaml")


def _tiered(tiers: Callable[[Ground], Mapping[str, object]]) -> Recipe:
    """Ours with the least memory there may be, and every request through the chain, so that the tier answers."""

    def recipe(ground: Ground) -> list[str]:
        options = GatewayOptions(
            plugins=("cache",),
            pool={"connections": _UPSTREAM_CONNECTIONS},
            replay=False,
            settings={"cache": {"memory": "1MiB"}},
            sections=tiers(ground),
        )
        return command(ground.port, ground.origin_port, options, ground.directory / "config.yaml")

    return recipe


def _host(ground: Ground) -> Mapping[str, object]:
    return {"tiers": {"host": {"path": str(ground.directory / "stored"), "size": "256MiB"}}}


def _redis(ground: Ground) -> Mapping[str, object]:
    return {"redis": f"redis://{LOOPBACK}:{ground.redis_port}", "tiers": {"redis": "on"}}


def _nginx(*, caches: bool = False, codes: bool = False) -> Recipe:
    def recipe(ground: Ground) -> list[str]:
        path, connections = ground.directory / "nginx.conf", _UPSTREAM_CONNECTIONS
        text = nginx.configuration(
            ground.port, ground.origin_port, ground.directory, connections, caches=caches, codes=codes
        )
        path.write_text(text)
        return ["nginx", "-c", str(path), "-e", str(ground.directory / "error.log")]

    return recipe


def _haproxy(*, caches: bool = False, bare_304: bool = False, codes: bool = False) -> Recipe:
    def recipe(ground: Ground) -> list[str]:
        path = ground.directory / "haproxy.cfg"
        text = haproxy.configuration(ground.port, ground.origin_port, caches=caches, bare_304=bare_304, codes=codes)
        path.write_text(text)
        return ["haproxy", "-db", "-f", str(path)]

    return recipe


def _varnish(ground: Ground) -> list[str]:
    return _run_varnish(ground, codes=False)


def _varnish_on_disk(ground: Ground) -> list[str]:
    return _run_varnish(ground, codes=False, on_disk=True)


def _varnish_coding(ground: Ground) -> list[str]:
    return _run_varnish(ground, codes=True)


def _run_varnish(ground: Ground, *, codes: bool, on_disk: bool = False) -> list[str]:
    path = ground.directory / "origin.vcl"
    path.write_text(varnish.configuration(ground.origin_port, codes=codes))
    return varnish.arguments(ground.port, path, ground.directory, on_disk=on_disk)


def _aiohttp(ground: Ground) -> list[str]:
    ports = ["--port", str(ground.port), "--origin-port", str(ground.origin_port)]
    return [sys.executable, "-m", "loadtests.aiohttp_proxy", *ports]


def _cache(recipe: Recipe, for_304: Recipe | None = None) -> dict[Need, Recipe]:
    return {Need.CACHE: recipe, Need.CACHE_304: for_304 or recipe}


def _code(passing: Recipe, storing: Recipe) -> dict[Need, Recipe]:
    return {Need.CODE: passing, Need.CACHE_CODE: storing}


PEERS: tuple[Peer, ...] = (
    Peer(
        OURS,
        {
            Need.PASS: _gateway(),
            **_cache(_gateway("cache")),
            Need.CACHE_DISK: _tiered(_host),
            **_code(_gateway("compress"), _gateway("compress", "cache")),
        },
        codings=frozenset({"gzip", "br", "zstd"}),
    ),
    Peer(
        "nginx",
        {
            Need.PASS: _nginx(),
            **_cache(_nginx(caches=True)),
            Need.CACHE_DISK: _nginx(caches=True),
            **_code(_nginx(codes=True), _nginx(caches=True, codes=True)),
        },
        program="nginx",
    ),
    Peer(
        "haproxy",
        {
            Need.PASS: _haproxy(),
            **_cache(_haproxy(caches=True), _haproxy(caches=True, bare_304=True)),
            **_code(_haproxy(codes=True), _haproxy(caches=True, codes=True)),
        },
        program="haproxy",
    ),
    Peer(
        "varnish",
        {**_cache(_varnish), Need.CACHE_DISK: _varnish_on_disk, Need.CACHE_CODE: _varnish_coding},
        program="varnishd",
    ),
    Peer(
        NO_REPLAY,
        {**_cache(_gateway("cache", replay=False)), Need.CACHE_CODE: _gateway("compress", "cache", replay=False)},
        codings=frozenset({"gzip", "br", "zstd"}),
    ),
    Peer(REDIS_TIER, {Need.CACHE_DISK: _tiered(_redis)}, program="redis-server", needs_redis=True),
    Peer("aiohttp", {Need.PASS: _aiohttp}),
    Peer(CHAIN, {Need.PASS: _gateway(*CHAIN_PLUGINS)}, only=frozenset({"get-1k"})),
    Peer(DEFAULT_CHAIN, {Need.PASS: _gateway(*DEFAULT_PLUGINS)}, only=frozenset({"get-1k"})),
)
