import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from ruamel.yaml import YAML

from gateway.chain.registry import settings_of
from gateway.config import GatewaySettings, Settings, load_file, load_text

REFERENCE = Path(__file__).parents[3] / "config.yaml"


def settings_in(annotation: Any) -> Iterator[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        yield annotation
        for field in annotation.model_fields.values():
            yield from settings_in(field.annotation)
    for part in get_args(annotation):
        yield from settings_in(part)


KEYS = sorted({name for each in settings_in(GatewaySettings) for name in each.model_fields})


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_is_in_the_reference_file(key: str) -> None:
    assert re.search(rf"\b{key}:", REFERENCE.read_text())


def test_the_values_in_the_reference_file_are_the_defaults() -> None:
    reference = load_file(REFERENCE, settings_of, {}).public()
    shortest = load_text("upstreams: {app: {servers: [http://127.0.0.1:8000]}}", settings_of, environ={}).public()
    for each in (reference, shortest):
        each.pop("routes")
    assert reference == shortest


def test_the_listening_address_comes_from_the_environment() -> None:
    settings = load_file(REFERENCE, settings_of, {"SLIPSTREAM_LISTEN": ":81"}).settings
    assert str(settings.listen[0].address) == ":81"


def test_the_example_route_is_valid() -> None:
    text = REFERENCE.read_text()
    head, routes = text.split("\nroutes:\n")
    uncommented = re.sub(r"(?m)^  # ", "  ", routes)
    configuration = load_text(f"{head}\nroutes:\n{uncommented}", settings_of, environ={})
    assert [route.name for route in configuration.routes] == ["api", "/*"]
    assert [use.name for use in configuration.routes[0].plugins] == [
        *("headers", "cors", "compress", "cache", "coalesce", "circuit_breaker")
    ]


def test_every_setting_of_a_plugin_that_is_shown_in_full_is_there_with_its_default() -> None:
    document = YAML(typ="safe").load(REFERENCE.read_text())
    shown = {name: given for item in document["plugins"] for name, given in item.items() if isinstance(given, dict)}
    for use in load_file(REFERENCE, settings_of, {}).routes[-1].plugins:
        assert use.settings == type(use.settings)()
        if shown[use.name]:
            assert set(shown[use.name]) == set(type(use.settings).model_fields)
            for name, given in shown[use.name].items():
                nested = getattr(use.settings, name)
                if isinstance(nested, Settings):
                    assert set(given) == set(type(nested).model_fields)


MANUAL = Path(__file__).parents[3] / "docs" / "configuration.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", MANUAL.read_text(), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example.partition(":")[0]))
def test_an_example_of_the_manual_is_valid(example: str) -> None:
    if "upstreams:" not in example:
        example += "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n"
    if "plugins:" not in example.split("routes:")[0]:
        example += "plugins: [{headers: {}}, {cors: off}]\n"
    resolve = {"my_company.gateway:Audit": Settings}
    environ = {"ADMIN_TOKEN": "0123456789abcdef"}
    example = example.replace("{level: full}", "{}").replace("      level: full\n", "")
    configuration = load_text(example, lambda name: resolve.get(name) or settings_of(name), environ=environ)
    assert configuration.routes


def test_the_manual_has_examples() -> None:
    assert len(EXAMPLES) == 5
