import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.message import WallTime
from gateway.http.validators import ANY, EntityTag, is_strong_date, parse_entity_tag, parse_entity_tag_list

OPAQUE = st.binary(max_size=8).map(lambda octets: bytes(o for o in octets if o not in (0x22, 0x7F) and o > 0x20))
TAGS = st.builds(EntityTag, OPAQUE, st.booleans())


@pytest.mark.parametrize(
    ("one", "other", "strongly", "weakly"),
    [
        (EntityTag(b"1", weak=True), EntityTag(b"1", weak=True), False, True),
        (EntityTag(b"1", weak=True), EntityTag(b"2", weak=True), False, False),
        (EntityTag(b"1", weak=True), EntityTag(b"1"), False, True),
        (EntityTag(b"1"), EntityTag(b"1"), True, True),
        (EntityTag(b"a"), EntityTag(b"A"), False, False),
    ],
)
def test_a_weak_tag_is_never_strongly_equal(one: EntityTag, other: EntityTag, strongly: bool, weakly: bool) -> None:
    assert one.strongly_equals(other) is other.strongly_equals(one) is strongly
    assert one.weakly_equals(other) is other.weakly_equals(one) is weakly


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        (b'"abc"', EntityTag(b"abc")),
        (b'W/"abc"', EntityTag(b"abc", weak=True)),
        (b'""', EntityTag(b"")),
        (b'W/""', EntityTag(b"", weak=True)),
        (b'"a,b\\"', EntityTag(b"a,b\\")),
        (b'"\x80\xff!"', EntityTag(b"\x80\xff!")),
    ],
)
def test_a_tag_stands_in_quotes_and_may_be_weak(value: bytes, tag: EntityTag) -> None:
    assert parse_entity_tag(value) == tag
    assert tag.encode() == value


@pytest.mark.parametrize(
    "value",
    [
        *(None, b"", b"abc", b'"abc', b'abc"', b"'abc'", b'w/"abc"', b'W"abc"', b'W/ "abc"', b"W/abc", b'"a"b"'),
        *(b'"a b"', b'"a\tb"', b'"a\x7f"', b'"a\x00"', b' "a"', b'"a" ', b'"a", "b"', b"*", b'"a"\n'),
    ],
)
def test_anything_else_is_no_tag(value: bytes | None) -> None:
    assert parse_entity_tag(value) is None


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (b'"a"', (EntityTag(b"a"),)),
        (b'"a","b"', (EntityTag(b"a"), EntityTag(b"b"))),
        (b'W/"a" ,\t, "b,c"  ,', (EntityTag(b"a", weak=True), EntityTag(b"b,c"))),
        (b', ,"W/", W/""', (EntityTag(b"W/"), EntityTag(b"", weak=True))),
    ],
)
def test_a_list_of_tags_may_have_empty_members(value: bytes, tags: tuple[EntityTag, ...]) -> None:
    assert parse_entity_tag_list(value) == tags


def test_an_asterisk_alone_is_any_tag() -> None:
    assert parse_entity_tag_list(b"*") is ANY
    assert parse_entity_tag_list(b'"*"') == (EntityTag(b"*"),)


@pytest.mark.parametrize(
    "value",
    [b"", b",", b"a", b'"a" "b"', b'"a"; "b"', b'"a", b', b'*, "a"', b'"a", *', b"**", b'"a', b'"a""b"', b'"a", w/"b"'],
)
def test_a_list_with_anything_else_in_it_is_none(value: bytes) -> None:
    assert parse_entity_tag_list(value) is None


@given(st.lists(TAGS, min_size=1, max_size=6), st.sampled_from([b",", b", ", b" ,, "]))
def test_a_list_reads_back_as_the_tags_it_was_made_of(tags: list[EntityTag], comma: bytes) -> None:
    assert parse_entity_tag_list(comma.join(tag.encode() for tag in tags)) == tuple(tags)
    assert [parse_entity_tag(tag.encode()) for tag in tags] == tags


@given(st.binary(max_size=30) | st.text('W/"a, *', max_size=20).map(str.encode))
def test_a_value_that_is_one_tag_is_a_list_of_one(value: bytes) -> None:
    tag = parse_entity_tag(value)
    tags = parse_entity_tag_list(value)
    if tag is not None:
        assert tags == (tag,)
    elif isinstance(tags, tuple):
        assert len(tags) > 1 or value != tags[0].encode()


@pytest.mark.parametrize("value", [b'W/"",' * 10_000 + b"x", b"W/" * 20_000, b'"' * 40_001, b"," * 40_000 + b";"])
def test_a_long_list_that_ends_badly_is_none(value: bytes) -> None:
    assert parse_entity_tag_list(value) is None


@pytest.mark.parametrize(
    ("date", "strong"), [(None, False), (99.0, False), (100.0, False), (100.9, False), (101.0, True)]
)
def test_a_last_modified_is_strong_a_second_before_its_date(date: float | None, strong: bool) -> None:
    assert is_strong_date(WallTime(100.0), WallTime(date) if date is not None else None) is strong
