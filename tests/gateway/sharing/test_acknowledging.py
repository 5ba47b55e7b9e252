"""Who has taken over a purge, and how long that is waited for."""

from __future__ import annotations

import asyncio

from gateway.sharing.acknowledging import Acknowledging, Taken
from gateway.sharing.members import Member

OWN = Member("A", "0")


def word(identity: str, name: str) -> bytes:
    return f"taken {identity} {name}".encode()


async def test_a_replica_has_taken_it_over_when_all_its_workers_have() -> None:
    acknowledging = Acknowledging(OWN)
    waiting = asyncio.ensure_future(acknowledging.expect("1"))
    await asyncio.sleep(0)
    acknowledging.begin("1", [b"A/0", b"A/1", b"B/0", b"B/1", b"C/0"])
    for name in ("B/0", "C/0"):
        acknowledging.hear(word("1", name))
    await asyncio.sleep(0)
    assert not waiting.done()
    acknowledging.hear(word("1", "B/1"))
    assert await waiting == Taken(("B", "C"))


async def test_a_word_may_come_before_the_names() -> None:
    acknowledging = Acknowledging(OWN)
    waiting = asyncio.ensure_future(acknowledging.expect("1"))
    await asyncio.sleep(0)
    acknowledging.hear(word("1", "B/0"))
    acknowledging.begin("1", [b"A/0", b"B/0"])
    assert await waiting == Taken(("B",))


async def test_who_says_nothing_is_named() -> None:
    acknowledging = Acknowledging(OWN, seconds=0.01)
    waiting = asyncio.ensure_future(acknowledging.expect("1"))
    await asyncio.sleep(0)
    acknowledging.begin("1", [b"B/0", b"C/0"])
    acknowledging.hear(word("1", "C/0"))
    assert await waiting == Taken(("C",), ("B",))


async def test_alone_nobody_is_waited_for() -> None:
    acknowledging = Acknowledging(OWN)
    waiting = asyncio.ensure_future(acknowledging.expect("1"))
    await asyncio.sleep(0)
    acknowledging.begin("1", [b"A/0", b"A/1"])
    assert await waiting == Taken()


async def test_what_could_not_be_told_says_why_and_what_was_told_waits() -> None:
    acknowledging = Acknowledging(OWN)
    first, second = (asyncio.ensure_future(acknowledging.expect(identity)) for identity in ("1", "2"))
    await asyncio.sleep(0)
    acknowledging.begin("2", [b"B/0"])
    acknowledging.fail("gone")
    acknowledging.hear(word("2", "B/0"))
    assert (await first).error == "gone"
    assert (await second).acknowledged == ("B",)


async def test_only_one_worker_of_a_gateway_waits() -> None:
    acknowledging = Acknowledging(OWN)
    waiting = asyncio.ensure_future(acknowledging.expect("1"))
    await asyncio.sleep(0)
    acknowledging.told_by_another("1")
    assert (await waiting).by_another


async def test_nothing_written_in_time_is_said() -> None:
    assert (await Acknowledging(OWN, seconds=0.0).expect("1")).error


def test_a_word_about_something_else_is_passed_over() -> None:
    acknowledging = Acknowledging(Member("B", "0"))
    acknowledging.hear(acknowledging.word("1"))
    acknowledging.begin("1", [])
    acknowledging.told_by_another("1")
