"""How a lease ends."""

from __future__ import annotations

import pytest

from gateway.sharing.lease import End, Lease


def a_lease() -> tuple[Lease, list[tuple[End, float]]]:
    ends: list[tuple[End, float]] = []
    return Lease(b"name", b"key", b"7", 1.0, lambda lease, end, seconds: ends.append((end, seconds))), ends


def test_it_is_free_when_the_last_one_leaves() -> None:
    lease, ends = a_lease()
    lease.join()
    lease.join()
    lease.leave()
    assert ends == []
    lease.leave()
    assert ends == [(End.FREE, 0.0)]
    assert lease.end is End.FREE


@pytest.mark.parametrize("stored", [True, False])
def test_what_was_written_ends_it_once(stored: bool) -> None:
    lease, ends = a_lease()
    lease.join()
    lease.written(stored=stored)
    lease.set_apart(3.0)
    lease.leave()
    assert ends == [(End.STORED if stored else End.FREE, 0.0)]


def test_an_answer_for_one_client_ends_it() -> None:
    lease, ends = a_lease()
    lease.set_apart(2.5)
    assert ends == [(End.APART, 2.5)]
