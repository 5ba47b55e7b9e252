import gateway.api
from gateway.config.base import Settings
from gateway.errors import GatewayError


def test_everything_that_is_promised_is_there() -> None:
    assert all(getattr(gateway.api, name) is not None for name in gateway.api.__all__)


def test_everything_that_is_there_is_promised() -> None:
    there = {name for name in vars(gateway.api) if not name.startswith("_") and name != "gateway"}
    assert there == set(gateway.api.__all__)


def test_the_list_is_in_order_and_names_nothing_twice() -> None:
    capitals, classes, functions = [], [], []  # type: list[str], list[str], list[str]
    for name in gateway.api.__all__:
        (capitals if name.isupper() else classes if name[0].isupper() else functions).append(name)
    assert [*sorted(set(capitals)), *sorted(set(classes)), *sorted(set(functions))] == gateway.api.__all__


def test_settings_and_errors_are_the_gateways_own() -> None:
    assert gateway.api.Settings is Settings
    assert issubclass(gateway.api.RefusedError, GatewayError)
