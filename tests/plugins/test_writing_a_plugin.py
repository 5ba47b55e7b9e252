"""The page for authors of plugins says what is true: its code is taken from it and run."""

import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import gateway.api
from gateway.chain.registry import find
from gateway.config.load import load_text
from tests.support.architecture import plugins_import_only_the_api
from tests.support.source import Source

PAGE = (Path(__file__).parents[2] / "docs" / "writing-a-plugin.md").read_text()
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
MODULE = "my_package.at_most"


def run_page() -> dict[str, object]:
    names: dict[str, object] = {"__name__": MODULE}
    exec("\n".join(CODE), names)
    return names


TESTS = {name: test for name, test in run_page().items() if name.startswith("test_")}


@pytest.mark.parametrize("name", TESTS)
def test_the_pages_own_tests_pass(name: str) -> None:
    test = TESTS[name]
    assert inspect.isfunction(test)
    test()


def test_the_page_has_tests_of_its_own() -> None:
    assert len(TESTS) == 3


def test_its_plugin_can_be_named_in_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(MODULE)
    vars(module).update(run_page())
    monkeypatch.setitem(sys.modules, "my_package", ModuleType("my_package"))
    monkeypatch.setitem(sys.modules, MODULE, module)
    configured = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(configured) == 1
    configuration = load_text(
        "upstreams: {app: {servers: [http://127.0.0.1:8000]}}\n" + configured[0],
        lambda name: find(name).Settings,
        environ={},
    )
    (use,) = configuration.routes[0].plugins
    assert use.settings.model_dump() == {"requests": 20}


@pytest.mark.parametrize("code", CODE[:2])
def test_its_plugins_import_only_what_plugins_may(code: str) -> None:
    assert list(plugins_import_only_the_api([Source.of("plugins/at_most/plugin.py", code)])) == []


def test_every_name_it_promises_exists() -> None:
    named = set(re.findall(r"`([A-Z]\w+(?:Error|Settings|Stream))`", PAGE)) - {
        "AtMostSettings",
        "CancelledError",
        "ValueError",
    }
    assert named <= set(gateway.api.__all__)
