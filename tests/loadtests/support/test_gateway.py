"""The configuration that measurements give to the gateway."""

import json
from pathlib import Path

import pytest

from gateway.chain.registry import settings_of
from gateway.config import load_text
from loadtests.bench.peers import CHAIN_PLUGINS
from loadtests.support.gateway import GatewayOptions, command, configuration


@pytest.mark.parametrize(
    "options",
    [
        GatewayOptions(),
        GatewayOptions(plugins=CHAIN_PLUGINS, pool={"connections": 1024}, workers=2),
        GatewayOptions(plugins=("cache",), replay=False),
        GatewayOptions(plugins=("cache",), settings={"cache": {"memory": "1MiB"}}, sections={"tiers": {"host": "/x"}}),
        GatewayOptions(limits={"body": "off", "connections": 100_000}, admin_port=9900),
    ],
)
def test_the_gateway_accepts_every_configuration_we_write(options: GatewayOptions) -> None:
    loaded = load_text(json.dumps(configuration(8080, 8000, options), indent=2), settings_of, environ={})
    (route,) = loaded.routes
    assert [use.name for use in route.plugins] == list(options.plugins)


def test_the_command_runs_the_file_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    argv = command(8080, 8000, GatewayOptions(), path)
    assert argv[1:] == ["-m", "gateway", "run", "-c", str(path)]
    assert json.loads(path.read_text())["listen"] == "127.0.0.1:8080"
