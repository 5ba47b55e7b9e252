"""The scenarios fit the origin and the peers."""

from loadtests.bench.peers import OURS, OWN, PEERS
from loadtests.bench.scenarios import BEST, REQUEST_FIELDS, SCENARIOS, STORED, Need, Target
from loadtests.origin.routes import Document, NotFound, answer


def test_every_scenario_has_a_name_of_its_own() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


def test_the_origin_knows_every_target() -> None:
    assert [scenario.name for scenario in SCENARIOS if isinstance(answer(scenario.target), NotFound)] == []


def test_a_content_that_is_sent_can_be_checked_by_the_origin() -> None:
    for scenario in SCENARIOS:
        if scenario.content:
            assert not isinstance(answer(f"{scenario.target}/checked"), NotFound)


def test_ratios_are_wanted_of_peers_that_exist() -> None:
    by_name = {peer.name: peer for peer in PEERS}
    wanted = [(scenario, target) for scenario in SCENARIOS for target in scenario.targets]
    assert wanted
    for scenario, target in wanted:
        assert target.own in OWN
        assert by_name[target.own].takes_part(scenario)
        assert target.peer == BEST or by_name[target.peer].takes_part(scenario)


def test_a_target_is_ours_to_reach_unless_it_says_otherwise() -> None:
    assert Target(BEST, 1.0).own == OURS


def test_what_must_be_a_hit_stays_fresh_for_longer_than_any_run() -> None:
    hits = [scenario for scenario in SCENARIOS if scenario.need in STORED]
    assert {scenario.name for scenario in hits} >= {"hit-1k", "hit-1k-unique", "hit-10k", "hit-100k", "hit-304"}
    for scenario in hits:
        wanted = answer(scenario.target)
        assert isinstance(wanted, Document)
        assert wanted.cache_control == "max-age=86400"


def test_unique_hits_have_two_fields_that_name_them() -> None:
    (unique,) = [scenario for scenario in SCENARIOS if scenario.name == "hit-1k-unique"]
    assert {"X-Request-Id", "traceparent"} <= unique.request_fields.keys()


def test_the_load_generator_alone_writes_host_and_framing() -> None:
    assert not {"Host", "Content-Length", "Connection", "Transfer-Encoding"} & set(REQUEST_FIELDS)


def test_each_coding_is_asked_for_by_name_and_beside_content_as_it_is() -> None:
    for need in (Need.CODE, Need.CACHE_CODE):
        asked = {scenario.request_fields["Accept-Encoding"] for scenario in SCENARIOS if scenario.need is need}
        assert asked == {"identity", "gzip", "br", "zstd"}
