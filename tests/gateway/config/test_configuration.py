import json
import subprocess
import sys

import pytest

from gateway.config import ConfigError, Configuration, TcpAddress
from tests.gateway.config.standins import loaded, resolve

TEXT = """
admin: {address: 127.0.0.1:9901, token: "0123456789-admin-secret"}
limits: {body: off}
plugins:
  - paint: {supplier_token: hush, dry_for: 1m30s, bucket: 10MB}
routes:
  - match: {path: /api/*, header: {X-Tenant: a*}}
    name: api
    timeouts: {total: 5s}
  - match: /*
    plugins: {paint: off}
"""


def test_a_worker_gets_the_same_configuration() -> None:
    configuration = loaded(TEXT)
    assert Configuration.from_json(configuration.to_json(), resolve) == configuration


def test_secrets_reach_the_worker() -> None:
    there = Configuration.from_json(loaded(TEXT).to_json(), resolve)
    assert there.settings.admin is not None
    assert there.settings.admin.token is not None
    assert there.settings.admin.token.get_secret_value() == "0123456789-admin-secret"
    assert there.settings.admin.address == TcpAddress("127.0.0.1", 9901)


def test_variables_are_replaced_before_the_worker_gets_it() -> None:
    configuration = loaded("workers: ${N}\n", N="3")
    assert Configuration.from_json(configuration.to_json(), resolve).settings.workers == 3


def test_a_worker_that_lacks_a_plugin_says_so() -> None:
    def nothing(name: str) -> type:
        raise LookupError(f"no {name} here")

    with pytest.raises(ConfigError, match=r"configuration: plugins\.paint: no paint here"):
        Configuration.from_json(loaded(TEXT).to_json(), nothing)


def test_what_is_shown_has_defaults_units_and_no_secrets() -> None:
    public = loaded(TEXT).public()
    assert public["limits"]["body"] == "off"
    assert public["limits"]["head"] == "32KiB"
    assert public["admin"]["token"] == "**********"
    assert public["upstreams"]["app"]["timeouts"]["total"] == "1m"
    api, rest = public["routes"]
    assert (api["name"], api["match"]["path"], api["timeouts"]["total"]) == ("api", "/api/*", "5s")
    assert api["plugins"] == [
        {
            "paint": {
                "colour": "blue",
                "coats": 1,
                "dry_for": "1m30s",
                "bucket": "10MB",
                "supplier_token": "**********",
                "brushes": [],
                "size": "small",
            }
        }
    ]
    assert rest["plugins"] == []
    assert "plugins" not in public


def test_secrets_are_neither_shown_nor_printed() -> None:
    configuration = loaded(TEXT)
    text = json.dumps(configuration.public()) + repr(configuration) + str(configuration.settings)
    assert "hush" not in text
    assert "admin-secret" not in text


def test_the_yaml_library_is_not_loaded_by_those_who_only_receive() -> None:
    code = "import sys, gateway.config; print([name for name in sys.modules if name.startswith('ruamel')])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
