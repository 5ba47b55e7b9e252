"""Who takes part, and with which command."""

import json
from pathlib import Path

import pytest

from gateway.chain.registry import settings_of
from gateway.config import load_text
from loadtests.bench.peers import CHAIN, NO_REPLAY, OURS, OWN, PEERS, REDIS_TIER, Ground, Peer
from loadtests.bench.scenarios import SCENARIOS, STORED, Need, Scenario


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_every_recipe_names_its_ports_and_stays_in_its_directory(peer: Peer, tmp_path: Path) -> None:
    for recipe in peer.recipes.values():
        argv = recipe(Ground(18080, 18000, tmp_path))
        written = " ".join(argv) + "".join(path.read_text() for path in tmp_path.iterdir())
        assert "18080" in written
        assert "18000" in written


def test_a_peer_without_a_recipe_for_the_need_takes_no_part() -> None:
    assert not Peer("x", {}).takes_part(Scenario("s", "S", "/", need=Need.PASS))


def test_the_chain_is_measured_where_its_cost_is_reported() -> None:
    by_name = {peer.name: peer for peer in PEERS}
    assert [scenario.name for scenario in SCENARIOS if by_name[CHAIN].takes_part(scenario)] == ["get-1k"]
    assert all(by_name[OURS].takes_part(scenario) for scenario in SCENARIOS)


def test_hits_are_measured_beside_three_others_and_without_the_replay_lane() -> None:
    for scenario in SCENARIOS:
        if scenario.need in STORED:
            taking_part = {peer.name for peer in PEERS if peer.takes_part(scenario)}
            others = {"nginx", "haproxy", "varnish"} if scenario.coding in (None, "gzip") else set()
            if scenario.need is Need.CACHE_DISK:
                assert taking_part == {OURS, REDIS_TIER, "nginx", "varnish"}
            else:
                assert taking_part == {OURS, NO_REPLAY, *others}


def test_a_peer_is_only_asked_for_codings_that_it_can_make() -> None:
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    gzips = Peer("x", {Need.CODE: lambda ground: []})
    assert gzips.takes_part(by_name["code-10k-gzip"])
    assert gzips.takes_part(by_name["code-10k-plain"])
    assert not gzips.takes_part(by_name["code-10k-br"])


def test_the_replay_lane_is_all_that_two_of_ours_differ_in(tmp_path: Path) -> None:
    written = {}
    for peer in PEERS:
        if peer.name in {OURS, NO_REPLAY}:
            peer.recipes[Need.CACHE](Ground(18080, 18000, tmp_path))
            written[peer.name] = json.loads((tmp_path / "config.yaml").read_text())
    assert written[NO_REPLAY].pop("replay") == {"memory": "off"}
    assert written[NO_REPLAY] == written[OURS]
    assert written[OURS]["plugins"] == [{"cache": {}}]


def test_hits_of_tiers_have_next_to_no_memory(tmp_path: Path) -> None:
    for peer, section in ((OURS, "host"), (REDIS_TIER, "redis")):
        recipe = next(each for each in PEERS if each.name == peer).recipes[Need.CACHE_DISK]
        recipe(Ground(18080, 18000, tmp_path, 16379))
        written = json.loads((tmp_path / "config.yaml").read_text())
        assert written["plugins"] == [{"cache": {"memory": "1MiB"}}]
        assert list(written["tiers"]) == [section]
        assert ("16379" in str(written.get("redis"))) == (peer == REDIS_TIER)
        load_text(json.dumps(written), settings_of, environ={})


def test_peers_that_are_this_gateway_exist() -> None:
    assert {peer.name for peer in PEERS} >= OWN


def test_a_program_that_is_not_on_the_path_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not Peer("x", {}, program="nginx").is_installed()
    assert Peer("x", {}).is_installed()
