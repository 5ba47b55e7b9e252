import gc
from typing import Any

import orjson
import pytest

from plugins.circuit_breaker.board import Board, OrderError
from plugins.circuit_breaker.circuit import State
from plugins.circuit_breaker.group import ALL, Group
from plugins.circuit_breaker.rules import Rules

A, B = "http://a", "http://b"


class Workshop:
    """A worker: a board with the circuits of two servers and of a route."""

    def __init__(self) -> None:
        self.board = Board()
        rules = Rules(open_for=5.0, jitter=0.0, minimum_calls=2, ramp=0.0, probes=1)
        self.servers = Group("server:app", rules, lambda: 0.0, per_server=True)
        self.route = Group("route:shop", rules, lambda: 0.0, per_server=False)
        self.woken = 0
        self.board.wake = self._wake
        self.board.join(self.servers)
        self.board.join(self.route)
        self.servers.breaker(A)

    def _wake(self) -> None:
        self.woken += 1

    def fail(self, group: Group, key: str, now: float = 0.0) -> None:
        for _ in range(2):
            group.breaker(key).record(True, 0.0, group.epochs.now, now)

    def news(self, now: float) -> list[dict[str, Any]]:
        """As it travels: through JSON."""
        news: list[dict[str, Any]] = orjson.loads(orjson.dumps(self.board.take_news(now)))
        return news


def test_a_circuit_that_opens_here_opens_in_the_other_worker_and_is_not_told_back() -> None:
    here, there = Workshop(), Workshop()
    here.fail(here.servers, B)
    assert here.woken == 1
    there.board.hear(here.news(1.0), 501.0)
    assert there.servers.breakers[B].state is State.OPEN
    assert there.servers.breakers[B].until >= 505.0
    assert there.servers.breakers[A].state is State.CLOSED
    assert there.woken == 0
    assert there.news(501.0) == []
    assert here.news(1.0) == []


def test_its_recovery_is_told_as_well() -> None:
    here, there = Workshop(), Workshop()
    here.fail(here.route, ALL)
    there.board.hear(here.news(0.0), 0.0)
    here.route.breakers[ALL].admit(5.0)
    there.board.hear(here.news(5.0), 5.0)
    assert there.route.breakers[ALL].state is State.OPEN
    here.route.breakers[ALL].record(False, 0.0, here.route.epochs.now, 5.1, probe=True)
    there.board.hear(here.news(5.1), 5.1)
    assert there.route.breakers[ALL].state is State.CLOSED


def test_many_changes_before_anybody_could_tell_them_are_one_piece_of_news() -> None:
    here = Workshop()
    for _ in range(100):
        here.route.breakers[ALL].reset(0.0)
        here.fail(here.route, ALL)
    assert [each["state"] for each in here.news(0.0)] == ["open"]


def test_a_new_worker_is_reminded_of_what_is_open_and_of_nothing_else() -> None:
    here, there = Workshop(), Workshop()
    here.fail(here.servers, A)
    here.news(0.0)
    here.board.carry_out({"circuit": "route:shop", "action": "open"}, 0.0)
    here.board.remind()
    there.board.hear(here.news(1.0), 1.0)
    states = {each["circuit"]: each["state"] for each in there.board.listing(1.0)}
    assert states == {"server:app/http://a": "open", "route:shop": "open"}
    assert there.board.listing(1.0)[1]["is_held"]
    quiet = Workshop()
    quiet.board.remind()
    assert quiet.woken == 0


def test_news_of_what_this_worker_does_not_have_is_no_concern_of_its() -> None:
    here, there = Workshop(), Board()
    here.fail(here.route, ALL)
    there.hear(here.news(0.0), 0.0)
    assert there.listing(0.0) == []


def test_a_group_is_forgotten_with_the_last_who_holds_it() -> None:
    board, group = Board(), Group("route:shop", Rules(), lambda: 0.0, per_server=False)
    board.join(group)
    board.join(group)
    assert group.listeners == [board]
    del group
    gc.collect()
    assert board.listing(0.0) == []


def test_a_list_says_state_cause_evidence_and_the_time_of_the_next_try() -> None:
    here = Workshop()
    here.fail(here.servers, A, 100.0)
    listed = {each["circuit"]: each for each in here.board.listing(102.0)}
    assert listed["server:app/http://a"] == {
        "circuit": "server:app/http://a",
        "group": "server:app",
        "server": A,
        "state": "open",
        "share": 0.0,
        "cause": "failure_rate",
        "evidence": "2 of 2 exchanges failed",
        "since_seconds": 2.0,
        "next_try_seconds": 3.0,
        "is_held": False,
        "times_in_a_row": 1,
        "calls": 0,
        "failures": 0,
        "slow": 0,
    }
    assert listed["route:shop"]["state"] == "closed"
    assert listed["route:shop"]["cause"] is None


def states(board: Board) -> list[str]:
    return [each["state"] for each in board.listing(0.0)]


def test_orders_reach_one_circuit_all_of_a_group_or_all() -> None:
    here = Workshop()
    here.servers.breaker(B)
    assert here.board.carry_out({"circuit": "server:app/http://a", "action": "open", "seconds": 9.0}, 0.0) == 1
    assert states(here.board) == ["open", "closed", "closed"]
    assert here.board.carry_out({"circuit": "server:app", "action": "open"}, 0.0) == 2
    assert states(here.board) == ["open", "open", "closed"]
    assert here.board.carry_out({"all": True, "action": "reset"}, 0.0) == 3
    assert states(here.board) == ["closed", "closed", "closed"]
    assert here.board.carry_out({"circuit": "nobody", "action": "close"}, 0.0) == 0
    with pytest.raises(OrderError, match="open, close, reset"):
        here.board.carry_out({"circuit": "nobody", "action": "smash"}, 0.0)


def test_orders_are_not_told_to_others_since_everybody_gets_them() -> None:
    here = Workshop()
    here.board.carry_out({"all": True, "action": "open"}, 0.0)
    assert here.woken == 0
