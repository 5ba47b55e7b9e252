import asyncio
import socket
from typing import Any

import pytest

from gateway.chain.runtime import Tasks
from gateway.errors import UpstreamDnsError
from gateway.upstream.resolver import MAX_ADDRESSES, Resolver

Answer = list[str] | Exception


class Names:
    """Answers look-ups as it is told to, in order; the last answer repeats."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []
        self.held: asyncio.Event | None = None

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append((host, port))
        if self.held is not None:
            await self.held.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    answering = Names(["192.0.2.1"])
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answering.getaddrinfo)
    return answering


@pytest.mark.parametrize("address", ["192.0.2.7", "::1", "fe80::1%lo"])
async def test_an_address_needs_no_look_up(address: str, names: Names, tasks: Tasks) -> None:
    assert await Resolver(address, 80, 0.0, tasks).addresses() == (address,)
    assert names.asked == []


async def test_a_name_is_looked_up_once_while_its_answer_is_fresh(names: Names, tasks: Tasks) -> None:
    names.answers = [["192.0.2.1", "2001:db8::1", "192.0.2.1"], ["192.0.2.2"]]
    resolver = Resolver("app.test", 81, 3600.0, tasks)
    for _ in range(3):
        assert await resolver.addresses() == ("192.0.2.1", "2001:db8::1")
    assert names.asked == [("app.test", 81)]


async def test_an_old_answer_is_used_while_a_new_one_is_fetched_behind_the_requests(names: Names, tasks: Tasks) -> None:
    names.answers = [["192.0.2.1"], ["192.0.2.2"]]
    resolver = Resolver("app.test", 80, 0.0, tasks)
    assert await resolver.addresses() == ("192.0.2.1",)
    names.held = asyncio.Event()
    assert await resolver.addresses() == ("192.0.2.1",)
    assert await resolver.addresses() == ("192.0.2.1",)
    await asyncio.sleep(0)
    assert len(names.asked) == 2
    names.held.set()
    await ended(tasks)
    assert await resolver.addresses() == ("192.0.2.2",)


@pytest.mark.parametrize("failure", [OSError("no answer"), UnicodeError("label too long"), []])
async def test_an_answer_that_was_good_outlives_the_name_server(failure: Answer, names: Names, tasks: Tasks) -> None:
    names.answers = [["192.0.2.1"], failure]
    resolver = Resolver("app.test", 80, 0.0, tasks)
    for _ in range(3):
        assert await resolver.addresses() == ("192.0.2.1",)
        await ended(tasks)
    assert len(names.asked) == 3


@pytest.mark.parametrize(
    ("failure", "complaint"),
    [(OSError("no answer"), "cannot be resolved: no answer"), (UnicodeError("x"), "cannot be"), ([], "has no address")],
)
async def test_a_name_nobody_ever_knew_is_an_error_believed_for_a_while(
    failure: Answer, complaint: str, names: Names, tasks: Tasks
) -> None:
    names.answers = [failure]
    resolver = Resolver("app.test", 80, 3600.0, tasks)
    for _ in range(3):
        with pytest.raises(UpstreamDnsError, match=f"app.test {complaint}"):
            await resolver.addresses()
    assert len(names.asked) == 1


async def test_an_error_is_not_believed_for_ever(names: Names, tasks: Tasks) -> None:
    names.answers = [OSError("no answer"), ["192.0.2.1"]]
    resolver = Resolver("app.test", 80, 0.0, tasks)
    with pytest.raises(UpstreamDnsError):
        await resolver.addresses()
    assert await resolver.addresses() == ("192.0.2.1",)


async def test_those_who_wait_share_one_look_up_and_one_that_leaves_does_not_end_it(names: Names, tasks: Tasks) -> None:
    names.held = asyncio.Event()
    resolver = Resolver("app.test", 80, 3600.0, tasks)
    first, second = (asyncio.ensure_future(resolver.addresses()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    names.held.set()
    assert await second == ("192.0.2.1",)
    assert (first.cancelled(), len(names.asked)) == (True, 1)


async def test_the_number_of_addresses_is_bounded(names: Names, tasks: Tasks) -> None:
    names.answers = [[f"192.0.2.{number}" for number in range(200)]]
    assert len(await Resolver("app.test", 80, 3600.0, tasks).addresses()) == MAX_ADDRESSES


async def ended(tasks: Tasks) -> None:
    """Wait until nothing runs in the background."""
    while len(tasks):  # noqa: ASYNC110 - there is no event to wait for, and it ends with the loop's next turns
        await asyncio.sleep(0)
