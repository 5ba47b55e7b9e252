import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import WebSocketError
from plugins.websocket_batch.text import Json, unpack, unpack_numbered
from tests.support.batches import item

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
).map(lambda value: json.dumps(value))


def code_of(work: Callable[[], object]) -> int | None:
    """The close code that `work` leads to, if any."""
    try:
        work()
    except WebSocketError as error:
        return error.code
    return None


def encode(*messages: bytes | str, first: int = 0) -> list[tuple[int, bytes, int]]:
    items = {
        first + at: item(2, each) if isinstance(each, bytes) else item(1, each.encode())
        for at, each in enumerate(messages)
    }
    return [(frame.opcode, frame.payload, frame.messages) for frame in Json().encode(items)]


def test_json_stands_there_as_it_came() -> None:
    messages = ('{"a": 1.0}', " [1,2] ", "12345678901234567890", '"x"', "-0.0")
    ((opcode, payload, count),) = encode(*messages, first=117)
    assert (opcode, count) == (1, 5)
    assert payload == b'{"v":1,"s":117,"m":[{"a": 1.0}, [1,2] ,12345678901234567890,"x",-0.0]}'
    assert unpack_numbered(payload) == [(117 + at, (1, each.encode())) for at, each in enumerate(messages)]


def test_other_texts_are_json_strings() -> None:
    ((_, payload, _),) = encode("hello", '{"a": 1}', "grüße \U0001f600\n", "")
    assert json.loads(payload) == {"v": 1, "s": 0, "t": ["hello", '{"a": 1}', "grüße \U0001f600\n", ""]}
    assert [message for _, message in unpack_numbered(payload)] == [
        (1, each.encode()) for each in ("hello", '{"a": 1}', "grüße \U0001f600\n", "")
    ]


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", '"\\ud800"', "{'a':1}", "01", "[1,]", "\ufeff1", "1 2", "[" * 2000 + "]" * 2000]
)
def test_what_is_not_json_is_not_taken_for_it(text: str) -> None:
    ((_, payload, _),) = encode(text)
    assert json.loads(payload)["t"] == [text]
    assert unpack(1, payload) == [(1, text.encode())]


def test_a_binary_message_goes_alone_and_keeps_its_place() -> None:
    frames = encode("1", b"\x00", "2", "3", b"\x01")
    assert [(opcode, count) for opcode, _, count in frames] == [(1, 1), (2, 1), (1, 2), (2, 1)]
    assert [message for opcode, payload, _ in frames for message in unpack(opcode, payload)] == [
        (1, b"1"),
        (2, b"\x00"),
        (1, b"2"),
        (1, b"3"),
        (2, b"\x01"),
    ]
    assert json.loads(frames[2][1])["s"] == 2


def test_messages_that_do_not_follow_each_other_have_their_numbers() -> None:
    items = {5: item(1, b"1"), 7: item(1, b"2"), 8: item(1, b"x")}
    (frame,) = Json().encode(items)
    assert json.loads(frame.payload) == {"v": 1, "s": 5, "n": [5, 7, 8], "t": ["1", "2", "x"]}
    assert [number for number, _ in unpack_numbered(frame.payload)] == [5, 7, 8]
    (frame,) = Json().encode({5: item(1, b"1"), 7: item(1, b"[2]")})
    assert frame.payload == b'{"v":1,"s":5,"n":[5,7],"m":[1,[2]]}'
    assert unpack_numbered(frame.payload) == [(5, (1, b"1")), (7, (1, b"[2]"))]


def test_no_batch_has_more_than_a_thousand_messages() -> None:
    frames = encode(*("1" for _ in range(2500)))
    assert [count for _, _, count in frames] == [1000, 1000, 500]
    with pytest.raises(WebSocketError) as refused:
        unpack(1, b'{"v":1,"s":0,"m":[%b]}' % b",".join([b"1"] * 1001))
    assert refused.value.code == 1009


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"1",
        b"{",
        b"{}",
        b'{"v":2,"s":0,"m":[]}',
        b'{"v":1,"m":[]}',
        b'{"v":1,"s":-1,"m":[]}',
        b'{"v":1,"s":true,"m":[]}',
        b'{"v":1,"s":0}',
        b'{"v":1,"s":0,"m":[],"t":[]}',
        b'{"v":1,"s":0,"m":{}}',
        b'{"v":1,"s":0,"t":"x"}',
        b'{"v":1,"s":0,"t":[1]}',
        b'{"v":1,"s":0,"t":["x"],"n":[]}',
        b'{"v":1,"s":0,"t":["x"],"n":["1"]}',
        b'{"v":1,"s":0,"m":[],"x":1}',
    ],
)
def test_what_is_no_batch_is_1007(payload: bytes) -> None:
    with pytest.raises(WebSocketError) as refused:
        unpack(1, payload)
    assert refused.value.code == 1007


def test_a_batch_may_be_written_with_spaces_and_in_another_order() -> None:
    assert unpack(1, b' { "m" : [ 1 , {"a" : 2} ] , "s" : 3, "v" : 1 } ') == [(1, b"1"), (1, b'{"a":2}')]
    assert unpack(1, b'{"v":1,"s":0,"m":[]}') == []


def test_an_object_that_looks_like_a_batch_is_a_message_like_any_other() -> None:
    inner = '{"v":1,"s":0,"m":[1]}'
    ((_, payload, _),) = encode(inner)
    assert unpack(1, payload) == [(1, inner.encode())]


@given(st.lists(JSONS | st.text(max_size=20) | st.binary(max_size=10), min_size=1, max_size=12))
def test_what_was_packed_comes_out(messages: list[str | bytes]) -> None:
    messages = [each.encode("utf-8", "replace").decode() if isinstance(each, str) else each for each in messages]
    found = [message for opcode, payload, _ in encode(*messages) for message in unpack(opcode, payload)]
    assert found == [(2, each) if isinstance(each, bytes) else (1, each.encode()) for each in messages]


@given(st.binary(max_size=40))
def test_any_octets_give_messages_or_a_close_code(octets: bytes) -> None:
    assert code_of(lambda: unpack(1, octets)) in (None, 1007, 1009)
