import asyncio
from typing import Any

from loadtests.overload.origin import Visitor, Work
from tests.support.transports import FakeTransport


class Waited(Visitor):
    """Says when it was answered."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self.answered = asyncio.Event()

    def answer(self) -> None:
        super().answer()
        self.answered.set()


def visit(work: Work, target: str = "/work") -> FakeTransport:
    transport = FakeTransport()
    transport.connect(Waited(work))
    transport.receive(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return transport


async def test_so_many_at_a_time_and_the_others_in_turn_but_health_checks_at_once() -> None:
    work = Work(slots=2, service=0.01)
    visitors = [visit(work) for _ in range(5)]
    assert work.most_waiting == 3
    assert bytes(visit(work, "/healthz").sent).startswith(b"HTTP/1.1 200 OK")
    assert not any(visitor.sent for visitor in visitors)
    last: Any = visitors[-1].protocol
    await asyncio.wait_for(last.answered.wait(), 30)
    assert all(bytes(visitor.sent).endswith(b'{"done": true}\n') for visitor in visitors)
