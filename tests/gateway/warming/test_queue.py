from gateway.warming.outcome import Kind, Outcome
from gateway.warming.pace import Speed
from gateway.warming.queue import Queue


def filled(*upstreams: str, rate: float | None = None, concurrency: int = 2) -> Queue:
    queue = Queue(Speed(rate, concurrency))
    for index, upstream in enumerate(upstreams):
        queue.add(index, upstream)
    return queue


def taken(queue: Queue, now: float = 0.0) -> list[int]:
    found = []
    while (next_one := queue.take(now)) is not None:
        found.append(next_one[0])
    return found


def test_the_first_of_the_list_is_asked_for_first() -> None:
    queue = filled("a", "b", "a", "b", concurrency=9)
    assert taken(queue) == [0, 1, 2, 3]
    assert (queue.size, queue.under_way) == (0, 4)


def test_each_upstream_has_room_of_its_own() -> None:
    queue = filled("a", "a", "a", "b", "b", "b")
    assert taken(queue) == [0, 1, 3, 4]
    assert queue.wait(0.0) is None
    queue.finished("b")
    assert taken(queue) == [5]


def test_one_that_rests_does_not_keep_the_others() -> None:
    queue = filled("a", "a", "b")
    queue.lanes["a"].failed("503", 4.0, 100.0)
    assert taken(queue, 100.0) == [2]
    assert queue.wait(100.0) == 4.0
    assert taken(queue, 104.0) == [0]


def test_what_failed_comes_again_in_its_place() -> None:
    queue = filled("a", "a", "a", concurrency=1)
    assert queue.take(0.0) == (0, "a")
    queue.add(0, "a")
    queue.finished("a")
    assert queue.take(0.0) == (0, "a")


def test_the_rate_is_over_all_upstreams() -> None:
    queue = filled(*["a", "b"] * 50, rate=1.0, concurrency=100)
    assert len(taken(queue, 1000.0)) <= 2
    wait = queue.wait(1000.0)
    assert wait is not None
    assert 0.8 <= wait <= 1.0


def test_further_workers_count_for_the_rate_when_the_origin_was_asked() -> None:
    queue = filled("a", "a", rate=1.0)
    taken(queue, 1000.0)
    before = queue.wait(1000.0) or 0.0
    queue.spent(1000.0, Outcome(Kind.HIT))
    assert queue.wait(1000.0) == before
    queue.spent(1000.0, Outcome(Kind.STORED, origin_seconds=0.1))
    assert queue.wait(1000.0) == before + 1.0
    queue.give_back()
    assert queue.wait(1000.0) == before


def test_an_upstream_may_be_given_up() -> None:
    queue = filled("a", "b", "a")
    assert list(queue.give_up("a")) == [0, 2]
    assert (queue.size, taken(queue)) == (1, [1])
