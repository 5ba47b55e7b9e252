from gateway.chain.registry import settings_of
from gateway.config import load_text
from gateway.demo.configuration import text


def test_the_file_is_a_configuration_without_mistakes() -> None:
    configuration = load_text(
        text(listen="127.0.0.1:8080", admin="[::1]:9900", origin="http://127.0.0.1:4000"), settings_of, environ={}
    )
    assert {route.upstream for route in configuration.routes} == {"shop"}
    assert [route.name for route in configuration.routes] == [
        *("prices-batched", "prices", "products", "failing", "api", "rest")
    ]
    assert configuration.settings.admin is not None
    chain = ["websocket_batch", "cors", "compress", "cache", "coalesce", "circuit_breaker", "headers"]
    assert all([use.name for use in route.plugins] == chain for route in configuration.routes)
