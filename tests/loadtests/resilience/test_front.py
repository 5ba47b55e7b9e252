import json

from gateway.chain.registry import settings_of
from gateway.config import load_text
from loadtests.resilience.front import settings


def test_the_configuration_of_the_measurements_is_valid() -> None:
    text = json.dumps(settings(8080, 9900, 8000, [{"retry": {"hedge": {}}}, {"circuit_breaker": {}}]))
    (route,) = load_text(text, settings_of, environ={}).routes
    assert [use.name for use in route.plugins] == ["retry", "circuit_breaker"]
