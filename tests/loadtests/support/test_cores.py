"""Which part of a measurement runs where."""

import os

import pytest

from loadtests.support.cores import Placement, pinned, place


@pytest.mark.parametrize(
    ("available", "proxy", "origin", "load"),
    [({0, 1}, {0}, {1}, {1}), ({3, 5, 7}, {3}, {5}, {7}), (range(8), {0}, {1}, {2}), ({2}, set(), set(), set())],
)
def test_the_proxy_shares_its_core_with_nobody(
    available: set[int], proxy: set[int], origin: set[int], load: set[int]
) -> None:
    placement = place(available)
    assert placement == Placement(frozenset(proxy), frozenset(origin), frozenset(load))


def test_a_placement_says_where_everything_runs() -> None:
    assert place({0, 1}).describe() == "proxy on core 0, origin on 1, load on 1"
    assert place({0}).describe() == "not pinned: one core only"


def test_pinning_lasts_for_the_block_even_when_it_fails() -> None:
    before = os.sched_getaffinity(0)
    one = frozenset({min(before)})
    seen = []

    def fail() -> None:
        with pinned(one):
            seen.append(os.sched_getaffinity(0))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert seen == [one]
    assert os.sched_getaffinity(0) == before


def test_no_cores_leave_the_choice_to_the_kernel() -> None:
    before = os.sched_getaffinity(0)
    with pinned(frozenset()):
        assert os.sched_getaffinity(0) == before
