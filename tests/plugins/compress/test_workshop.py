import os
import threading

from plugins.compress.workshop import Lateness, Workshop


class Looking:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


def test_the_latest_lateness_counts_at_once_and_is_forgotten_slowly() -> None:
    late = Lateness()
    assert not late.is_busy(0.025)
    late.observe(0.05)
    assert late.is_busy(0.025)
    assert not late.is_overrun(0.025)
    late.observe(0.0)
    assert 0.025 < late.seconds < 0.05
    for _ in range(10):
        late.observe(0.0)
    assert not late.is_busy(0.025)


def test_much_lateness_is_more_than_lower_levels_make_up_for() -> None:
    late = Lateness()
    late.observe(0.125)
    assert late.is_overrun(0.025)


def test_threads_are_started_when_they_are_needed_and_end_with_the_last_route() -> None:
    shop, first, second = Workshop(2), object(), object()
    before = threading.active_count()
    shop.join(first)
    shop.join(second)
    shop.looking = looking = Looking()
    assert threading.active_count() == before
    assert shop.now.submit(lambda: 7).result(10) == 7
    now = shop.now
    shop.leave(first)
    assert shop.is_going()
    assert shop.now is now
    shop.leave(second)
    assert not shop.is_going()
    assert looking.is_cancelled
    now.shutdown(wait=True)
    shop.leave(second)  # closing twice does no harm


def test_it_can_be_used_again_after_it_was_left() -> None:
    shop, route = Workshop(1), object()
    shop.join(route)
    shop.leave(route)
    shop.join(route)
    assert shop.is_going()
    assert shop.now.submit(lambda: 1).result(10) == 1
    shop.leave(route)


def test_the_thread_behind_lets_everybody_else_go_first() -> None:
    shop, route = Workshop(1), object()
    shop.join(route)

    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert shop.later.submit(priority).result(10) == 19
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 19
    shop.leave(route)
