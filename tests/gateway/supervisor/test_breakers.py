from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.supervisor.breakers import Breakers, merged, read_order
from gateway.supervisor.question import QuestionError
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.told import Told
from gateway.worker.control import UnknownKindError


def circuit(state: str = "closed", name: str = "upstream:app", **changes: Any) -> dict[str, Any]:
    return {
        "circuit": name,
        "group": name,
        "server": None,
        "state": state,
        "share": float(state == "closed"),
        "cause": None,
        "evidence": None,
        "since_seconds": None,
        "next_try_seconds": 3.0 if state == "open" else None,
        "is_held": False,
        "times_in_a_row": 0,
        "calls": 10,
        "failures": 1,
        "slow": 0,
        **changes,
    }


def listing(worker: str, *circuits: dict[str, Any]) -> Told:
    return Told.of(worker, 10, {"circuits": list(circuits)})


def test_a_circuit_is_shown_as_where_it_is_worst_with_the_counts_of_all() -> None:
    found = merged(
        [
            listing("0", circuit("half-open"), circuit(name="a")),
            listing("1", circuit("open", cause="failure_rate", evidence="5 of 9 exchanges failed")),
            listing("2", circuit("closed")),
        ]
    )
    assert [each["circuit"] for each in found] == ["a", "upstream:app"]
    worst = found[1]
    assert (worst["state"], worst["cause"], worst["next_try_seconds"]) == ("open", "failure_rate", 3.0)
    assert (worst["calls"], worst["failures"]) == (30, 3)
    assert [(each["worker"], each["state"]) for each in worst["workers"]] == [
        ("0", "half-open"),
        ("1", "open"),
        ("2", "closed"),
    ]


@pytest.mark.parametrize(
    ("document", "order"),
    [
        ({"circuit": "upstream:app", "action": "close"}, {"circuit": "upstream:app", "action": "close"}),
        ({"all": True, "action": "reset"}, {"all": True, "action": "reset"}),
        ({"circuit": "a", "action": "open", "for": "1m30s"}, {"circuit": "a", "action": "open", "seconds": 90.0}),
    ],
)
def test_an_order_that_makes_sense(document: dict[str, Any], order: dict[str, Any]) -> None:
    assert read_order(document) == order


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([], "is a JSON object"),
        ({"circuit": "a"}, "action is one of open, close, reset"),
        ({"circuit": "a", "action": "smash"}, "action is one of"),
        ({"action": "open"}, "names a circuit, or all"),
        ({"circuit": "a", "all": True, "action": "open"}, "names a circuit, or all"),
        ({"all": 1, "action": "open"}, "true or false"),
        ({"circuit": "", "action": "open"}, "not empty"),
        ({"circuit": ["a"], "action": "open"}, "not empty"),
        ({"circuit": "a", "action": "close", "for": "1s"}, "goes with open alone"),
        ({"circuit": "a", "action": "open", "for": 5}, "needs a unit"),
        ({"circuit": "a", "action": "open", "for": "0s"}, "above zero"),
        ({"circuit": "a", "action": "open", "until": "x"}, "unknown: until"),
    ],
)
def test_an_order_that_makes_none(document: Any, complaint: str) -> None:
    with pytest.raises(QuestionError, match=complaint):
        read_order(document)


class Fleet:
    """Workers that were told what to tell."""

    def __init__(self, *told: Told) -> None:
        self.told = told
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, kind: str, **fields: Any) -> Sequence[Told]:
        self.asked.append((kind, fields))
        return self.told


async def asked(fleet: Fleet, method: str = "GET", **content: Any) -> tuple[int, dict[str, Any]]:
    breakers = Breakers(cast(Supervisor, SimpleNamespace(fleet=fleet)))
    application = web.Application()
    application.router.add_get("/api/breakers", breakers.list)
    application.router.add_post("/api/breakers", breakers.order)
    async with TestClient(TestServer(application)) as client, client.request(method, "/api/breakers", **content) as got:
        return got.status, await got.json(content_type=None)


SILENT = Told.of("1", 11, TimeoutError("no answer"))
WITHOUT = Told.of("0", 10, UnknownKindError("nobody here answers"))


async def test_the_list_has_every_circuit_and_names_workers_that_did_not_answer() -> None:
    fleet = Fleet(listing("0", circuit()), SILENT)
    status, document = await asked(fleet)
    assert status == 207
    assert [each["circuit"] for each in document["circuits"]] == ["upstream:app"]
    assert document["workers"] == [{"worker": "0", "pid": 10}, {"worker": "1", "pid": 11, "error": "no answer"}]
    assert fleet.asked == [("circuits", {})]


async def test_without_the_plugin_there_is_nothing_to_list() -> None:
    status, document = await asked(Fleet(WITHOUT))
    assert (status, document["detail"]) == (404, "nothing in the chain of any route has circuits")


async def test_an_order_goes_to_every_worker() -> None:
    fleet = Fleet(Told.of("0", 10, {"count": 1}), Told.of("1", 11, {"count": 1}))
    status, document = await asked(fleet, "POST", json={"circuit": "a", "action": "open", "for": "5s"})
    assert (status, document["count"]) == (200, 2)
    assert fleet.asked == [("circuit_order", {"circuit": "a", "action": "open", "seconds": 5.0})]


async def test_an_order_about_a_circuit_that_nobody_has_is_no_success() -> None:
    fleet = Fleet(Told.of("0", 10, {"count": 0}))
    status, document = await asked(fleet, "POST", json={"circuit": "a", "action": "open"})
    assert (status, document["detail"]) == (404, "no worker has a circuit 'a'")


@pytest.mark.parametrize(("content", "status"), [({"data": b"{"}, 400), ({"json": {"action": "open"}}, 422)])
async def test_an_order_that_makes_no_sense_asks_nobody(content: dict[str, Any], status: int) -> None:
    fleet = Fleet()
    assert (await asked(fleet, "POST", **content))[0] == status
    assert fleet.asked == []
