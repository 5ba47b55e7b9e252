from typing import Any

import pytest

from gateway.config.sweeps import Order
from gateway.supervisor.sweep_work import MOST_FAILURES, SPARE, Batch, Work


def row(number: int, name: str, route: str = "shop", uses: int = 1, seconds: float = 1.0, **given: float) -> list[Any]:
    return [number, name, route, given.get("confirmed", 0.0), given.get("until", 9.0), uses, seconds, 100]


def result(**said: Any) -> dict[str, Any]:
    """What a worker says about a batch."""
    nothing = {"octets_saved": 0, "octets_fetched": 0, "origin_seconds": 0.0}
    return {"counts": {}, "changed": [], "left": [], "rest": None, "failures": [], **nothing, **said}


def work_of(*rows: list[Any], order: Order = Order.SAVES, most: int = 100, worker: str = "0") -> Work:
    work = Work(order, most)
    work.add(worker, rows)
    work.arrange()
    return work


def batch(work: Work, worker: str = "0", most: int = 10, now: float = 0.0) -> Batch:
    found = work.next(worker, most, now)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("order", "first"),
    [(Order.SAVES, [0, 1, 2]), (Order.USES, [1, 0, 2]), (Order.EXPIRY, [2, 1, 0]), (Order.AGE, [1, 2, 0])],
)
def test_the_most_urgent_comes_first(order: Order, first: list[int]) -> None:
    work = work_of(
        row(0, "a", uses=5, seconds=10.0, until=9.0, confirmed=3.0),
        row(1, "b", uses=7, seconds=1.0, until=8.0, confirmed=1.0),
        row(2, "c", uses=1, seconds=1.0, until=7.0, confirmed=2.0),
        order=order,
    )
    assert batch(work).numbers == first


def test_what_two_workers_hold_is_asked_about_by_one() -> None:
    work = Work(Order.SAVES, 100)
    work.add("0", [row(number, str(number)) for number in range(10)])
    work.add("1", [row(number + 50, str(number)) for number in range(10)])
    work.arrange()
    one, other = batch(work, "0"), batch(work, "1")
    assert (len(one.items), len(other.items)) == (5, 5), "both have as much to do"
    assert {number + 50 for number in one.numbers}.isdisjoint(other.numbers)
    assert (work.total, work.held) == (10, 20)


def test_what_has_changed_the_others_look_at_as_well() -> None:
    work = Work(Order.SAVES, 100)
    work.add("0", [row(3, "a")])
    work.add("1", [row(8, "a")])
    work.arrange()
    asked = batch(work, "0")
    work.settle(asked, result(counts={"changed": 1}, changed=[3]), 0.0)
    other = batch(work, "1")
    assert other.numbers == [8]
    work.settle(other, result(counts={"changed": 1}, changed=[8]), 0.0)
    assert (work.waiting, work.total, work.done) == (0, 2, 2)


def test_what_was_not_asked_about_comes_again_in_its_order() -> None:
    work = work_of(*(row(number, str(number), uses=9 - number) for number in range(5)))
    first = batch(work, most=3)
    assert work.settle(first, result(counts={"confirmed": 1}, left=[1, 2]), 0.0) == 1
    assert batch(work).numbers == [1, 2, 3, 4]


def test_a_route_whose_origin_rests_is_left_alone_and_others_are_not() -> None:
    work = work_of(row(0, "a", "slow", uses=9), row(1, "b", "quick"))
    first = batch(work, now=10.0)
    assert first.route == "slow"
    work.settle(first, result(left=[0], rest=30.0), 10.0)
    assert batch(work, now=11.0).route == "quick"
    assert work.next("0", 10, 39.0) is None
    assert work.resting(11.0) == {"slow": 29.0}
    assert batch(work, now=40.0).numbers == [0]


def test_no_more_than_the_most_is_asked_about() -> None:
    work = work_of(*(row(number, str(number), uses=number) for number in range(5)), most=2)
    assert (work.total, work.left_out) == (2, 3)
    assert batch(work).numbers == [4, 3]


def test_what_is_held_meanwhile_is_bounded() -> None:
    work = Work(Order.SAVES, 2)
    for page in range(3 * SPARE // 500):
        work.add("0", [row(page * 500 + at, f"{page} {at}", uses=page * 500 + at) for at in range(500)])
    work.arrange()
    assert (work.total, work.left_out, work.held) == (2, 3 * SPARE - 2, 3 * SPARE)
    assert batch(work).numbers == [3 * SPARE - 1, 3 * SPARE - 2]


def test_a_batch_is_of_one_route() -> None:
    work = work_of(row(0, "a", "x"), row(1, "b", "y"), row(2, "c", "x"))
    assert {tuple(batch(work).numbers), tuple(batch(work).numbers)} == {(0, 2), (1,)}


def test_what_a_worker_takes_along_the_others_are_asked_for() -> None:
    work = Work(Order.SAVES, 100)
    work.add("0", [row(0, "a", uses=9), row(1, "b")])
    work.add("1", [row(7, "a", uses=9)])
    work.arrange()
    held = work.next("0", 10, 0.0)
    work.lose("0", held)
    assert batch(work, "1").numbers == [7]
    assert work.counts["lost"] == 1
    assert work.waiting == 0


def test_nobody_is_sent_to_a_worker_that_is_gone() -> None:
    work = Work(Order.SAVES, 100)
    work.add("0", [row(0, "a")])
    work.add("1", [row(7, "a")])
    work.arrange()
    asked = batch(work, "0")
    work.lose("1")
    work.settle(asked, result(counts={"changed": 1}, changed=[0]), 0.0)
    assert (work.waiting, work.total) == (0, 1)


def test_a_route_that_is_gone_is_lost() -> None:
    work = work_of(row(0, "a", "gone"), row(1, "b", "gone"), row(2, "c", "shop", uses=0))
    work.lose_route(batch(work, most=1))
    assert work.counts["lost"] == 2
    assert batch(work).numbers == [2]


def test_a_batch_without_an_answer_is_lost() -> None:
    work = work_of(row(0, "a"), row(1, "b"))
    work.lose_batch(batch(work))
    assert (work.counts["lost"], work.done) == (2, 2)


def test_figures_add_up_and_failures_are_named_up_to_a_number() -> None:
    work = work_of(*(row(number, str(number)) for number in range(4)))
    failures = [{"url": "http://shop.example/", "why": "connect"}] * 15
    for _ in range(2):
        said = result(counts={"failed": 2}, failures=failures, octets_saved=5, octets_fetched=6, origin_seconds=0.5)
        work.settle(batch(work, most=2), said, 0.0)
    assert work.figures == {"octets_saved": 10, "octets_fetched": 12, "origin_seconds": 1.0}
    assert len(work.failures) == MOST_FAILURES


def test_numbers_that_nobody_gave_out_mean_nothing() -> None:
    work = work_of(row(0, "a"))
    work.settle(batch(work), result(left=[77], changed=[78]), 0.0)
    assert work.waiting == 0
