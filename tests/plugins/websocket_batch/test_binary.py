from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import WebSocketError
from plugins.websocket_batch.binary import Binary, unpack, unpack_numbered, varint
from plugins.websocket_batch.formats import Item
from tests.support.batches import item

ITEMS = st.lists(
    st.tuples(
        st.one_of(
            st.text(max_size=200).map(lambda text: (1, text.encode())), st.binary(max_size=300).map(lambda b: (2, b))
        ),
        st.integers(0, 15),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=30,
)


def code_of(work: Callable[[], object]) -> int | None:
    """The close code that `work` leads to, if any."""
    try:
        work()
    except WebSocketError as error:
        return error.code
    return None


def test_a_batch_looks_as_its_description_says() -> None:
    items = {300: item(1, b"hi"), 301: item(2, b"\x00", 5), 310: item(1, b"")}
    (frame,) = Binary().encode(items)
    assert frame.opcode == 2
    assert frame.messages == 3
    assert frame.payload == b"\x01" + b"\xac\x02" + b"\x00\x02hi" + b"\x0b\x01\x00" + b"\x20\xb6\x02\x00"


@given(ITEMS, st.integers(0, 1 << 40))
def test_what_was_packed_comes_out_with_its_number_type_and_priority(
    messages: list[tuple[tuple[int, bytes], int, int]], first: int
) -> None:
    items: dict[int, Item] = {}
    number = first
    for (opcode, payload), priority, gap in messages:
        number += 1 + gap
        items[number] = item(opcode, payload, priority)
    (frame,) = Binary().encode(items)
    expected = [(at, (each[0] | each[2] << 4, each[1])) for at, each in items.items()]
    assert unpack_numbered(frame.payload) == expected


def test_no_batch_has_more_than_a_thousand_messages() -> None:
    frames = Binary().encode({at: item(1, b"x") for at in range(2500)})
    assert [frame.messages for frame in frames] == [1000, 1000, 500]
    assert [unpack_numbered(frame.payload)[0][0] for frame in frames] == [0, 1000, 2000]
    with pytest.raises(WebSocketError) as refused:
        unpack(2, b"\x01\x00" + b"\x00\x00" * 1001)
    assert refused.value.code == 1009


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16383, 16384, 1 << 62])
def test_numbers_of_every_length(number: int) -> None:
    (frame,) = Binary().encode({number: item(1, b"x")})
    assert frame.payload == b"\x01" + varint(number) + b"\x00\x01x"
    assert unpack_numbered(frame.payload)[0][0] == number


WRONG = {
    "nothing": b"",
    "another version": b"\x02\x00",
    "no number": b"\x01",
    "a number that is cut off": b"\x01\x80",
    "a number without end": b"\x01" + b"\xff" * 10,
    "a reserved flag": b"\x01\x00\x40\x00",
    "the other reserved flag": b"\x01\x00\x80\x00",
    "no length": b"\x01\x00\x00",
    "a length that is cut off": b"\x01\x00\x00\x80",
    "a record that is cut off": b"\x01\x00\x00\x05abcd",
    "an enormous record": b"\x01\x00\x00" + varint(1 << 60),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_batch_is_1002(name: str) -> None:
    with pytest.raises(WebSocketError) as refused:
        unpack(2, WRONG[name])
    assert refused.value.code == 1002


def test_an_empty_batch_is_a_batch() -> None:
    assert unpack(2, b"\x01\x05") == []


def test_text_that_is_not_utf8_is_1007_and_a_text_frame_1002() -> None:
    with pytest.raises(WebSocketError) as refused:
        unpack(2, b"\x01\x00\x00\x01\xff")
    assert refused.value.code == 1007
    assert unpack(2, b"\x01\x00\x01\x01\xff") == [(2, b"\xff")]
    with pytest.raises(WebSocketError) as refused:
        unpack(1, b"\x01\x00\x00\x01x")
    assert refused.value.code == 1002


@given(st.binary(max_size=60))
def test_any_octets_give_messages_or_a_close_code(octets: bytes) -> None:
    assert code_of(lambda: unpack(2, b"\x01" + octets)) in (None, 1002, 1007, 1009)


def test_a_batch_inside_a_batch_is_content() -> None:
    (inner,) = Binary().encode({0: item(1, b"x")})
    (outer,) = Binary().encode({0: item(2, inner.payload)})
    assert unpack(2, outer.payload) == [(2, inner.payload)]
