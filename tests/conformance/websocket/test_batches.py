"""Whatever is sent arrives: nothing lost, doubled, altered, and nothing out of order but what may be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.websocket.terms import FrameTerms, LegTerms
from plugins.websocket_batch import binary, text
from plugins.websocket_batch.formats import Format
from plugins.websocket_batch.outbox import BatchOutbox, Rules, Strategy, Urgent
from plugins.websocket_batch.records import RecordOutbox
from tests.support.batches import item
from tests.support.framed import Framed
from tests.support.frames import all_frames, frame
from tests.support.roads import turns

Message = tuple[int, bytes, int]
"""Opcode, content, priority."""

RUNS = "batch.v1 of runs"
"""The same, of messages that nobody looks at on their way."""
FORMS: dict[str, tuple[Callable[[], Format], object]] = {
    binary.TOKEN: (binary.Binary, binary.unpack),
    text.TOKEN: (text.Json, text.unpack),
    RUNS: (binary.Binary, binary.unpack),
}
_LARGE = 200 * 1024


def contents(sizes: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int, bytes]]:
    """Opcode and content, of so many octets or a few less."""
    letters = st.sampled_from([each.encode() for each in "aé😀"])
    return st.one_of(
        st.tuples(st.just(2), st.builds(lambda size, seed: bytes([seed]) * size, sizes, st.integers(0, 255))),
        st.tuples(st.just(1), st.builds(lambda size, letter: letter * (size // len(letter)), sizes, letters)),
        st.tuples(st.just(1), st.integers(-(10**20), 10**20).map(lambda number: b'{"n": %d}' % number)),
    )


def listed(sizes: st.SearchStrategy[int], most: int) -> st.SearchStrategy[list[Message]]:
    return st.lists(st.tuples(contents(sizes), st.integers(0, 15)), max_size=most).map(
        lambda drawn: [(opcode, content, priority) for (opcode, content), priority in drawn]
    )


_MESSAGES = st.tuples(listed(st.integers(0, 300), 28), listed(st.integers(0, _LARGE), 2), st.integers(0, 28)).map(
    lambda drawn: [*drawn[0][: drawn[2]], *drawn[1], *drawn[0][drawn[2] :]]
)
"""Many small ones, and among them up to two of any size: more than two need much memory and tell nothing new."""


def numbered(form: str, data: bytes) -> list[tuple[int | None, int, bytes]]:
    """The messages a client reads: number (if anybody wrote one), opcode, content."""
    found: list[tuple[int | None, int, bytes]] = []
    for each in all_frames(data):
        if form in (binary.TOKEN, RUNS):
            batch = binary.unpack_numbered(each.payload)
        elif each.opcode == 2:
            found.append((None, 2, each.payload))
            continue
        else:
            batch = text.unpack_numbered(each.payload)
        found += [(number, opcode & 0xF, content) for number, (opcode, content) in batch]
    return found


def packed(form: str, messages: list[Message], size: int, *, masked: bool = True) -> list[bytes]:
    """The frames of a peer that sends so many messages in a batch."""
    frames = []
    for at in range(0, len(messages), size):
        items = {at + place: item(*message) for place, message in enumerate(messages[at : at + size])}
        frames += [frame(each.opcode, each.payload, masked=masked) for each in FORMS[form][0]().encode(items)]
    return frames


def with_priorities(messages: list[Message]) -> Callable[[int, bytes], list[tuple[int, bytes]]]:
    """Opens what the upstream sends, with the priorities that the test drew for it."""
    left = iter(messages)

    def unpack(opcode: int, payload: bytes) -> list[tuple[int, bytes]]:
        return [(opcode | next(left)[2] << 4, payload)]

    return unpack


def pair_of(form: str, rules: Rules, down: list[Message]) -> Framed:
    if form == RUNS:
        return Framed(FrameTerms(LegTerms(partial(RecordOutbox, rules), binary.unpack), ping_every=None))
    make, unpack = FORMS[form]
    downstream = LegTerms(lambda: BatchOutbox(rules, make()), unpack)  # type: ignore[arg-type]  # of the table above
    terms = FrameTerms(downstream=downstream, upstream=LegTerms(None, with_priorities(down)), ping_every=None)
    return Framed(terms)


async def exchange(framed: Framed, form: str, down: list[Message], up: list[Message], size: int) -> None:
    """Everything is sent, in pieces, and the time of what waits comes."""
    for at in range(0, len(down), 3):
        framed.answers(b"".join(frame(op, content, masked=False) for op, content, _ in down[at : at + 3]))
    framed.says(*packed(form, up, size))
    await turns()
    while framed.pair.downstream.is_resting or framed.client.is_waiting:
        await turns()
    framed.ring()
    await turns()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("strategy", list(Strategy))
@settings(deadline=None, max_examples=25)
@given(down=_MESSAGES, up=_MESSAGES, size=st.integers(1, 12), delay=st.sampled_from([0.05, 5.0]))
def test_in_flush_mode_everything_arrives_in_order_both_ways(
    form: str, strategy: Strategy, down: list[Message], up: list[Message], size: int, delay: float
) -> None:
    async def story() -> None:
        framed = pair_of(form, Rules(strategy, max_delay=delay), down)
        await exchange(framed, form, down, up, size)
        heard = numbered(form, bytes(framed.client.sent))
        assert [(opcode, content) for _, opcode, content in heard] == [message[:2] for message in down]
        assert all(number in (None, at) for at, (number, _, _) in enumerate(heard))
        assert [(each.opcode, each.payload) for each in framed.told] == [message[:2] for message in up]
        assert framed.pair.queued_octets == framed.connections.queued == 0

    asyncio.run(story())


@pytest.mark.parametrize("strategy", [Strategy.PRIORITY, Strategy.HYBRID])
@settings(deadline=None, max_examples=40)
@given(down=_MESSAGES)
def test_what_overtakes_can_be_put_in_order_again(strategy: Strategy, down: list[Message]) -> None:
    async def story() -> None:
        framed = pair_of(binary.TOKEN, Rules(strategy, urgent=Urgent.OVERTAKE), down)
        await exchange(framed, binary.TOKEN, down, [], 1)
        heard = numbered(binary.TOKEN, bytes(framed.client.sent))
        assert [(op, content) for _, op, content in sorted(heard, key=lambda each: each[0] or 0)] == [
            message[:2] for message in down
        ]
        for is_urgent in (True, False):  # first in, first out within each class
            of_class = [number for number, _, _ in heard if (down[number or 0][2] >= 3) is is_urgent]
            assert of_class == sorted(of_class, key=lambda number: number or 0)

    asyncio.run(story())


@pytest.mark.parametrize("form", [binary.TOKEN, RUNS])
@pytest.mark.parametrize("strategy", list(Strategy))
@settings(deadline=None, max_examples=25)
@given(down=_MESSAGES, takes=st.lists(st.integers(1, 200_000), max_size=10))
def test_a_client_that_reads_by_fits_and_starts_misses_nothing(
    form: str, strategy: Strategy, down: list[Message], takes: list[int]
) -> None:
    async def story() -> None:
        framed = pair_of(form, Rules(strategy), down)
        framed.client.is_stalled = True
        steps = iter(takes)
        for opcode, content, _ in down:
            framed.answers(frame(opcode, content, masked=False))
            framed.client.take(next(steps, 0))
        for _ in range(100):
            framed.client.take()
            await turns(2)
        framed.client.is_stalled = False
        framed.ring()
        heard = numbered(binary.TOKEN, bytes(framed.client.sent))
        assert [(opcode, content) for _, opcode, content in heard] == [message[:2] for message in down]

    asyncio.run(story())


@pytest.mark.parametrize("form", [binary.TOKEN, text.TOKEN])
@pytest.mark.parametrize("up_form", [binary.TOKEN, text.TOKEN])
@pytest.mark.parametrize("strategy", list(Strategy))
@settings(deadline=None, max_examples=10)
@given(down=_MESSAGES, up=_MESSAGES, size=st.integers(1, 12))
def test_an_upstream_that_takes_and_sends_batches_gets_and_says_the_same(
    form: str, up_form: str, strategy: Strategy, down: list[Message], up: list[Message], size: int
) -> None:
    def leg(of: str) -> LegTerms:
        make, unpack = FORMS[of]
        return LegTerms(lambda: BatchOutbox(Rules(strategy), make()), unpack)  # type: ignore[arg-type]  # see above

    async def story() -> None:
        framed = Framed(FrameTerms(leg(form), leg(up_form), ping_every=None))
        framed.answers(*packed(up_form, down, size, masked=False))
        framed.says(*packed(form, up, size))
        await turns()
        while framed.pair.downstream.is_resting or framed.client.is_waiting:
            await turns()
        framed.ring()
        await turns()
        for sent, octets, of in ((down, framed.client.sent, form), (up, framed.upstream.sent, up_form)):
            heard = numbered(of, bytes(octets))
            assert [(opcode, content) for _, opcode, content in heard] == [message[:2] for message in sent]
            assert all(number in (None, at) for at, (number, _, _) in enumerate(heard))

    asyncio.run(story())
