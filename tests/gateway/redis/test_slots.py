import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.addresses import TcpAddress, UnixAddress
from gateway.redis.errors import RedisError, RedisReplyError
from gateway.redis.slots import SLOTS, SlotMap, by_slot, redirection, slot_of

A, B = TcpAddress("a", 1), TcpAddress("b", 2)
ASKED = TcpAddress("seed", 9)


def test_slots_are_those_of_the_specification() -> None:
    assert slot_of(b"123456789") == 0x31C3
    assert slot_of(b"foo") == 12182


@given(st.binary())
def test_every_key_has_a_slot_and_another_client_knows_the_same_one(key: bytes) -> None:
    from redis.crc import key_slot

    assert slot_of(key) == key_slot(key)
    assert 0 <= slot_of(key) < SLOTS


def test_keys_with_the_same_text_in_braces_are_together() -> None:
    assert slot_of(b"a{x}b") == slot_of(b"c{x}") == slot_of(b"x")
    assert slot_of(b"a{}b") != slot_of(b"")
    assert list(by_slot([b"1{x}", b"y", b"2{x}"]).values()) == [[b"1{x}", b"2{x}"], [b"y"]]


def answer() -> list[object]:
    return [[0, 8191, [b"a", 1, b"id"], [b"replica", 3, b"id"]], [8192, 16383, [b"b", 2, b"id"]]]


def test_masters_are_learnt() -> None:
    slots = SlotMap()
    assert slots.find(b"foo") is None
    slots.learn(answer(), ASKED)
    assert slots.find(b"foo") == B
    assert slots.masters == {A, B}


def test_a_node_that_does_not_know_its_host_is_the_one_that_was_asked() -> None:
    slots = SlotMap()
    slots.learn([[0, 16383, [b"", 7, b"id"]]], ASKED)
    assert slots.masters == {TcpAddress("seed", 7)}
    slots.learn([[0, 16383, [None, 7, b"id"]]], ASKED)
    assert slots.masters == {TcpAddress("seed", 7)}


def test_a_slot_that_moved_is_elsewhere() -> None:
    slots = SlotMap()
    slots.learn(answer(), ASKED)
    slots.moved(12182, A)
    assert slots.find(b"foo") == A


@pytest.mark.parametrize("wrong", [[], None, 7, [[1, 2]], [[0, 16383, [b"", b"x"]]], [[0, 99999, [b"a", 1]]]])
def test_nonsense_changes_nothing(wrong: object) -> None:
    slots = SlotMap()
    slots.learn(answer(), ASKED)
    with pytest.raises(RedisError):
        slots.learn(wrong, ASKED)
    assert slots.masters == {A, B}


def test_a_cluster_has_no_sockets_of_files() -> None:
    with pytest.raises(RedisError):
        SlotMap().learn([[0, 16383, [b"", 7, b"id"]]], UnixAddress("/x"))


def test_redirections_are_read() -> None:
    assert redirection(RedisReplyError("MOVED 3999 127.0.0.1:6381")) == (3999, TcpAddress("127.0.0.1", 6381))
    assert redirection(RedisReplyError("ASK 1 ::1:6381")) == (1, TcpAddress("::1", 6381))
    for other in ("ERR no", "MOVED", "MOVED x a:1", "MOVED 1 :1", "MOVED 1 a:b"):
        assert redirection(RedisReplyError(other)) is None
