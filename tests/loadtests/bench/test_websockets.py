import asyncio
import dataclasses
import os
from typing import Any

import pytest

from gateway.chain.registry import settings_of
from gateway.config import load_text
from loadtests import websocket
from loadtests.bench.scenarios import SCENARIOS
from loadtests.bench.websockets import BATCHED, CASES, JOINED, SINGLE, Measured, Row, Way, measure
from loadtests.websocket import Result, _configuration
from loadtests.websocket_clients import Tally

TUNNEL, *_, FIFTY = CASES


def row(case: str, peer: str, microseconds: float) -> Row:
    return Row(case, peer, microseconds, 9.5, 0.001, 0.02)


MEASURED = Measured(
    [
        row("ws-tunnel", "slipstream", 3.0),
        row("ws-tunnel", "nginx", 2.7),
        row("ws-tunnel", "haproxy", 3.3),
        row("ws-frames-50", BATCHED, 1.0),
        row("ws-frames-50", SINGLE, 5.5),
    ]
)


def test_the_cost_of_others_is_told_in_terms_of_our_own() -> None:
    lines = MEASURED.table([TUNNEL, FIFTY]).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert [(line[1], line[2], line[3]) for line in cells] == [
        ("slipstream", "3.00", "1.00"),
        ("nginx", "2.70", "0.90"),
        ("haproxy", "3.30", "1.10"),
        (BATCHED, "1.00", "1.00"),
        (SINGLE, "5.50", "5.50"),
    ]
    assert cells[0][4:] == ["333,333", "9.5", "1.0", "20.0"]


def test_targets_are_reached_or_missed() -> None:
    (tunnel, _), (batched, _) = MEASURED.targets([TUNNEL, FIFTY])
    assert tunnel == "ws-tunnel: nginx/slipstream 0.90, wanted at least 0.80: reached"
    assert batched == "ws-frames-50: a write each/batched 5.50, wanted at least 5.00: reached"
    strict = dataclasses.replace(TUNNEL, least=1.5)
    ((line, reached),) = MEASURED.targets([strict])
    assert not reached
    assert line.endswith("MISSED")


def test_tunnels_that_are_joined_have_an_aim_of_their_own() -> None:
    rows = [row("ws-tunnel", "slipstream", 6.0), row("ws-tunnel", JOINED, 2.0), row("ws-tunnel", "nginx", 6.0)]
    (apart, _), (joined, _) = Measured(rows).targets([TUNNEL])
    assert apart == "ws-tunnel: nginx/slipstream 1.00, wanted at least 0.80: reached"
    assert joined == "ws-tunnel: nginx/slipstream, 5ms joined 3.00, wanted at least 1.50: reached"
    ((_, reached),) = Measured([row("ws-tunnel", JOINED, 5.0), *rows[2:]]).targets([TUNNEL])
    assert not reached


def test_what_was_not_measured_is_not_judged() -> None:
    assert Measured([row("ws-tunnel", "slipstream", 3.0)]).targets([TUNNEL]) == []
    assert Measured().ratio(TUNNEL, "nginx") is None


def test_names_are_none_of_the_other_scenarios() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert all(name.startswith("ws-") for name in names)
    assert not set(names) & {scenario.name for scenario in SCENARIOS}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_has_its_rival_and_configurations_that_are_taken(case: Any, tmp_path: Any) -> None:
    assert {case.own, case.rival} <= {way.peer for way in case.ways}
    for way in case.ways:
        if way.proxy == "slipstream":
            load_text(_configuration("slipstream", 1, 2, 3, tmp_path, way.settings, "5s", way.join), settings_of)


def test_only_wanted_and_installed_peers_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    before = os.sched_getaffinity(0)

    class Ground:
        def __init__(self, proxy: str, *_: object, **__: object) -> None:
            ran.append(proxy)
            assert os.sched_getaffinity(0) == before  # it gives everybody their cores, of all there are

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    async def push(*_: object, **options: object) -> Result:
        await asyncio.sleep(0)
        assert options["burst"] == 10
        return Result(1000, 0.002, 100, Tally())

    monkeypatch.setattr(websocket, "ground", Ground)
    monkeypatch.setattr(websocket, "push", push)
    ways = (Way("slipstream"), Way("nginx", "nginx"), Way("nobody", "no-such-program"))
    told: list[str] = []
    found = measure([dataclasses.replace(TUNNEL, ways=ways)], ["nobody"], told.append, quick=True)
    assert (ran, told) == (["slipstream"], ["measuring ws-tunnel"])
    assert found.rows == [Row("ws-tunnel", "slipstream", 2.0, 10.0, 0.0, 0.0)]
