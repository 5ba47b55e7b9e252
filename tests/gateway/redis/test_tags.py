from hypothesis import given
from hypothesis import strategies as st

from gateway.redis.slots import slot_of
from gateway.redis.tags import LONGEST, name_of, tag_of


def test_a_name_can_be_read_from_its_tag() -> None:
    assert tag_of(b"http://a/") == b"{=http://a/}"
    assert name_of(tag_of(b"http://a/")) == b"http://a/"


def test_long_names_and_hidden_ones_are_hashed() -> None:
    assert name_of(tag_of(b"x" * (LONGEST + 1))) is None
    hidden = tag_of(b"http://a/", b"key")
    assert name_of(hidden) is None
    assert b"http" not in hidden
    assert hidden != tag_of(b"http://a/", b"another key")


@given(st.binary(max_size=2 * LONGEST), st.sampled_from([b"", b"key"]))
def test_all_keys_with_a_tag_are_in_one_slot(name: bytes, names: bytes) -> None:
    tag = tag_of(name, names)
    assert slot_of(b"p:e:" + tag) == slot_of(b"p:lease:" + tag)
    assert name_of(tag) in (name, None)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_two_names_have_two_tags(one: bytes, other: bytes) -> None:
    assert (tag_of(one) == tag_of(other)) == (one == other)
