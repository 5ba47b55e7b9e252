"""What the replay lane may ignore depends on the routes."""

from gateway.chain.registry import settings_of
from gateway.config import load_text
from gateway.worker.road import ignored_fields

_FILE = """
upstreams: {{app: {{servers: [http://127.0.0.1:1]}}}}
replay: {{ignore: [X-Request-Id, traceparent]}}
routes:
  - match: {match}
  - match: /*
    name: rest
"""


def test_a_field_that_a_route_is_chosen_by_is_not_ignored() -> None:
    configuration = load_text(_FILE.format(match="{header: {x-request-id: 'a*'}}"), settings_of)
    assert ignored_fields(configuration) == ["traceparent"]


def test_other_fields_are() -> None:
    configuration = load_text(_FILE.format(match="/api/*"), settings_of)
    assert ignored_fields(configuration) == ["X-Request-Id", "traceparent"]
