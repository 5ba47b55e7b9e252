from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.member import Member
from gateway.upstream.ring import Ring, position

KEYS = [b"key-%d" % number for number in range(6000)]


def members(count: int, weight: int = 1) -> list[Member]:
    return [Member(f"http://10.0.0.{number}:80", weight) for number in range(count)]


def owners(servers: list[Member]) -> list[str]:
    ring = Ring(servers)
    return [next(ring.walk(key)).url for key in KEYS]


def test_a_key_finds_the_same_server_in_every_process() -> None:
    assert position(b"tenant-1") == 2086557690168676083
    assert owners(members(3)) == owners(list(reversed(members(3))))


@pytest.mark.parametrize("count", [2, 3, 5, 10])
@pytest.mark.parametrize("weight", [1, 7])
def test_when_a_server_leaves_its_keys_alone_move_and_to_everybody(count: int, weight: int) -> None:
    servers = members(count, weight)
    before = owners(servers)
    for gone in servers:
        after = owners([server for server in servers if server is not gone])
        moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        assert all(old == gone.url for old, _ in moved)
        assert len(moved) <= 1.2 / count * len(KEYS)
        assert {new for _, new in moved} == {server.url for server in servers if server is not gone}


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_equal_servers_have_about_equally_many_keys(count: int) -> None:
    shares = Counter(owners(members(count)))
    assert all(0.8 / count < share / len(KEYS) < 1.2 / count for share in shares.values())


def test_a_heavy_server_has_more_keys() -> None:
    servers = [Member("http://a", 1), Member("http://b", 3)]
    shares = Counter(owners(servers))
    assert 2.4 < shares["http://b"] / shares["http://a"] < 3.8


@given(st.integers(1, 8), st.binary(max_size=20))
def test_a_walk_meets_everybody_once(count: int, key: bytes) -> None:
    servers = members(count)
    met = [member.url for member in Ring(servers).walk(key)]
    assert sorted(met) == sorted(server.url for server in servers)


def test_the_largest_weights_make_no_large_ring() -> None:
    ring = Ring([Member("http://a", 1000), Member("http://b", 1000), Member("http://c", 1)])
    assert len(list(ring.walk(b"x"))) == 3
    assert len(ring._points) < 3000


def test_an_empty_ring_has_nobody() -> None:
    assert list(Ring(()).walk(b"x")) == []
