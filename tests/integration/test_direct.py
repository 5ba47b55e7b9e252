"""A route without plugins answers what one with a plugin answers that does nothing, whatever clients and origins do."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.gateway import Gateway, running, wait_until
from tests.support.origin import Origin
from tests.support.twins import SMUGGLED, Script, leave, made_of, origin_of_twins, play, script_of

PLAIN, CHAIN = "north", "south"


@pytest.fixture(scope="module")
def origins() -> Iterator[dict[str, Origin]]:
    with Origin(origin_of_twins) as plain, Origin(origin_of_twins) as chain:
        yield {PLAIN: plain, CHAIN: chain}


def settings(origins: dict[str, Origin]) -> dict[str, Any]:
    """Two roads, each with an origin of its own: nothing that happens on one is seen by the other."""
    return {
        "upstreams": {name: {"servers": [origin.url]} for name, origin in origins.items()},
        "plugins": [{"headers": {"request": {"remove": ["X-Nobody"]}}}],
        "routes": [
            {"match": "/north/*", "upstream": PLAIN, "plugins": {"headers": "off"}},
            {"match": "/south/*", "upstream": CHAIN},
        ],
    }


@pytest.fixture(scope="module")
def gateway(origins: dict[str, Origin], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(settings(origins), tmp_path_factory.mktemp("direct")) as gateway:
        yield gateway


def assert_the_origins_were_asked_for_nothing_else(origins: dict[str, Origin], scripts: list[Script]) -> None:
    """Every request they got is one that a client made, in its words, and none that changes anything came twice."""
    for road, origin in origins.items():
        assert origin.violations == []
        known = {target: asked for script in scripts for target, asked in made_of(script, road).items()}
        counted: Counter[bytes] = Counter()
        for received in list(origin.requests):
            asked = known[received.target]
            assert (received.method, received.body) == (asked.method, asked.body or b"")
            assert received.one(b"x-secret") is None
            counted[received.target] += 1
        for target, times in counted.items():
            assert times == 1 or (known[target].method != "POST" and times == 2), target


@pytest.mark.parametrize("first", [1000, 2000, 3000])
def test_both_roads_answer_the_same(gateway: Gateway, origins: dict[str, Origin], first: int) -> None:
    scripts = [script_of(seed) for seed in range(first, first + 120)]
    for origin in origins.values():
        origin.forget()
    for number, script in enumerate(scripts):
        plain, chain = (play(gateway.address, script, road) for road in (PLAIN, CHAIN))
        assert plain == chain, (first + number, script)
        assert not any(SMUGGLED in seen.body or "malformed" in seen.end for seen in plain), (first + number, script)
    assert_the_origins_were_asked_for_nothing_else(origins, scripts)


def test_clients_that_leave_take_nobody_along(gateway: Gateway, origins: dict[str, Origin]) -> None:
    rng = random.Random(7)
    for origin in origins.values():
        origin.forget()
    leaving = [script_of(seed) for seed in range(5000, 5060)]
    staying = [script_of(seed) for seed in range(6000, 6060)]
    with ThreadPoolExecutor(4) as pool:
        for gone, stays in zip(leaving, staying, strict=True):
            for road in (PLAIN, CHAIN):
                pool.submit(leave, gateway.address, gone, road, random.Random(rng.random()), reset=rng.random() < 0.5)
            plain, chain = pool.map(lambda road, script=stays: play(gateway.address, script, road), (PLAIN, CHAIN))
            assert plain == chain, stays
    assert_the_origins_were_asked_for_nothing_else(origins, leaving + staying)
    wait_until(lambda: _is_at_rest(gateway), "nothing is under way, on either road")


def _is_at_rest(gateway: Gateway) -> bool:
    (worker,) = gateway.status()["workers"]
    servers = [server for upstream in worker["upstreams"].values() for server in upstream.values()]
    assert len(servers) == 2
    return all(server["pending"] == 0 and server["connections"] == server["idle"] for server in servers)
