"""How large the replay lane is, and what it may ignore."""

import pytest

from gateway.chain.registry import settings_of
from gateway.config import load_text
from gateway.worker.road import ignored_fields, lane_memory

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


@pytest.mark.parametrize(("said", "octets"), [("", 1 << 20), ("access_log: stdout", 0)])
def test_a_log_that_wants_every_request_leaves_nothing_to_the_lane(said: str, octets: int) -> None:
    file = f"upstreams: {{app: {{servers: [http://127.0.0.1:1]}}}}\nreplay: {{memory: 1MiB}}\n{said}\n"
    assert lane_memory(load_text(file, settings_of).settings) == octets
