from collections.abc import Sequence

from gateway.redis.tags import tag_of
from gateway.tiers.redis_names import Names


def test_a_name_that_its_tag_says_takes_no_room() -> None:
    names = Names(lambda forgotten: None)
    names.note(tag_of(b"a"), b"a")
    assert names.find(tag_of(b"a")) is None


def test_a_hidden_name_is_found_by_its_tag() -> None:
    names = Names(lambda forgotten: None)
    names.note(tag_of(b"a", b"key"), b"a")
    assert names.find(tag_of(b"a", b"key")) == b"a"
    assert names.find(tag_of(b"b", b"key")) is None


def test_what_is_forgotten_counts_as_changed() -> None:
    forgotten: list[Sequence[bytes]] = []
    names = Names(forgotten.append, most=2)
    for name in (b"a", b"b", b"a", b"c"):
        names.note(tag_of(name, b"key"), name)
    assert forgotten == [[b"b"]]
