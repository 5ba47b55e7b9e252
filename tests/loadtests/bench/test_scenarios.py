"""The scenarios fit the origin and the peers."""

from loadtests.bench.peers import PEERS
from loadtests.bench.scenarios import REQUEST_FIELDS, SCENARIOS
from loadtests.origin.routes import NotFound, answer


def test_every_scenario_has_a_name_of_its_own() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


def test_the_origin_knows_every_target() -> None:
    assert [scenario.name for scenario in SCENARIOS if isinstance(answer(scenario.target), NotFound)] == []


def test_a_content_that_is_sent_can_be_checked_by_the_origin() -> None:
    for scenario in SCENARIOS:
        if scenario.content:
            assert not isinstance(answer(f"{scenario.target}/checked"), NotFound)


def test_ratios_are_wanted_of_peers_that_exist() -> None:
    names = {peer.name for peer in PEERS}
    assert [scenario.name for scenario in SCENARIOS if not scenario.targets.keys() <= names] == []


def test_the_load_generator_alone_writes_host_and_framing() -> None:
    assert not {"Host", "Content-Length", "Connection", "Transfer-Encoding"} & set(REQUEST_FIELDS)
