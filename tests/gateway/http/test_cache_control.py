import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.cache_control import (
    ANY_AGE,
    MAX_DELTA_SECONDS,
    NO_DIRECTIVES,
    CacheControl,
    delta_seconds,
    parse_cache_control,
)

FLAGS = (
    "no-store",
    "no-cache",
    "private",
    "public",
    "must-revalidate",
    "proxy-revalidate",
    "must-understand",
    "no-transform",
    "immutable",
    "only-if-cached",
)
SECONDS = ("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error", "min-fresh", "max-stale")


def only(**directives: object) -> CacheControl:
    return dataclasses.replace(NO_DIRECTIVES, **directives)  # type: ignore[arg-type]  # any of the attributes


def attribute(name: str) -> str:
    return name.replace("-", "_")


@pytest.mark.parametrize(
    "value", [None, b"", b" ", b",, ,\t,", b"unknown", b'other="max-age=5, no-store"', b"max_age=5"]
)
def test_what_says_nothing_is_no_directive(value: bytes | None) -> None:
    assert parse_cache_control(value) == NO_DIRECTIVES


@pytest.mark.parametrize("name", FLAGS)
def test_each_directive_without_argument_sets_its_own_attribute(name: str) -> None:
    assert parse_cache_control(name.encode()) == only(**{attribute(name): True})


@pytest.mark.parametrize("name", SECONDS)
def test_each_directive_with_seconds_sets_its_own_attribute(name: str) -> None:
    assert parse_cache_control(b"%b=17" % name.encode()) == only(**{attribute(name): 17})


def test_names_are_read_in_any_case_and_empty_members_skipped() -> None:
    value = b" ,\t,MaX-aGe=60 , ,No-Cache,,PUBLIC\t,"
    assert parse_cache_control(value) == only(max_age=60, no_cache=True, public=True)


@pytest.mark.parametrize(
    ("argument", "seconds"),
    [
        (b"0", 0),
        (b"3600", 3600),
        (b"003600", 3600),
        (b"0000000000000000000000003600", 3600),
        (b'"3600"', 3600),
        (b'"36\\00"', 3600),
        (b"1000000000", 1_000_000_000),
        (b"2147483647", MAX_DELTA_SECONDS - 1),
        (b"2147483648", MAX_DELTA_SECONDS),
        (b"2147483649", MAX_DELTA_SECONDS),
        (b"99999999999", MAX_DELTA_SECONDS),
        (b"9" * 10_000, MAX_DELTA_SECONDS),
    ],
)
def test_seconds_are_digits_with_or_without_quotes_and_never_overflow(argument: bytes, seconds: int) -> None:
    assert parse_cache_control(b"max-age=" + argument) == only(max_age=seconds)


@pytest.mark.parametrize(
    "argument",
    [
        *(
            b"=",
            b"=-1",
            b"=+1",
            b"=3600.0",
            b"=3600.5",
            b"=1e3",
            b"=a3600",
            b"=3600a",
            b"='3600'",
            b"= 3600",
            b" =3600",
        ),
        *(b" 3600", b":3600", b"=36 00", b'="3600', b'="-1"', b'=""', b'="36"00', b"=\xb2", b"=0x10", b"==5", b""),
        *(b"=60; private", b"=60 no-store"),
    ],
)
@pytest.mark.parametrize("name", ["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error", "min-fresh"])
def test_seconds_that_cannot_be_read_count_as_none_at_all(name: str, argument: bytes) -> None:
    assert parse_cache_control(name.encode() + argument) == only(**{attribute(name): 0})


@pytest.mark.parametrize(
    ("value", "max_stale"), [(b"max-stale", ANY_AGE), (b"max-stale=", 0), (b"max-stale=x", 0), (b"max-stale=5", 5)]
)
def test_only_a_bare_max_stale_permits_any_age(value: bytes, max_stale: int) -> None:
    assert parse_cache_control(value).max_stale == max_stale
    assert max_stale == ANY_AGE or max_stale <= MAX_DELTA_SECONDS


@pytest.mark.parametrize(
    ("value", "max_age"),
    [
        (b"max-age=1800, max-age=1", 1800),
        (b"max-age=1, max-age=1800", 1),
        (b"max-age=x, max-age=1800", 0),
        (b'a="max-age=9", max-age=1', 1),
        (b'max-age=1, a="max-age=9"', 1),
        (b'a="\\", max-age=9, \\"", max-age=1', 1),
    ],
)
def test_the_first_of_equal_directives_counts_and_quoted_text_never(value: bytes, max_age: int) -> None:
    assert parse_cache_control(value) == only(max_age=max_age)


@pytest.mark.parametrize("name", [b"no-store", b"no-cache", b"private", b"must-revalidate", b"proxy-revalidate"])
@pytest.mark.parametrize(
    "tail", [b"; max-age=60", b" max-age=60", b"=true", b"=", b'="', b'=""', b' = "a"', b'="a"b', b":"]
)
def test_what_restricts_counts_whatever_follows_its_name(name: bytes, tail: bytes) -> None:
    read = parse_cache_control(b"public, " + name + tail)
    assert read == only(public=True, **{attribute(name.decode()): True})


@pytest.mark.parametrize("name", [b"public", b"immutable", b"must-understand"])
@pytest.mark.parametrize("tail", [b"; max-age=60", b"=1", b"=", b'="x"'])
def test_what_permits_counts_only_as_it_should_be_written(name: bytes, tail: bytes) -> None:
    assert parse_cache_control(name + tail) == NO_DIRECTIVES


@pytest.mark.parametrize("name", ["no-cache", "private"])
def test_field_names_in_quotes_leave_the_rest_of_the_response_alone(name: str) -> None:
    value = b'%b="Set-Cookie, ,\tX-A"' % name.encode()
    assert parse_cache_control(value) == only(**{f"{attribute(name)}_fields": frozenset({b"set-cookie", b"x-a"})})


@pytest.mark.parametrize("name", ["no-cache", "private"])
def test_field_names_of_several_directives_add_up(name: str) -> None:
    directive = name.encode()
    read = parse_cache_control(b'%b="a", %b, %b="B"' % (directive, directive, directive))
    names = frozenset({b"a", b"b"})
    assert read == only(**{attribute(name): True, f"{attribute(name)}_fields": names})


@pytest.mark.parametrize("argument", [b'""', b'","', b'"a b"', b'"a, b:"', b"Set-Cookie", b"true", b"1", b'"a'])
def test_a_list_that_is_not_one_covers_the_whole_response(argument: bytes) -> None:
    assert parse_cache_control(b"private=" + argument) == only(private=True)


@pytest.mark.parametrize(
    "value",
    [
        b'a="b, no-store, public, c="d, max-age=5',
        b'a="b"c, public, max-age=5, no-store',
        b'max-age="5, no-store, public',
    ],
)
def test_after_a_quotation_that_does_not_end_with_its_member_only_what_restricts_counts(value: bytes) -> None:
    assert parse_cache_control(value) == only(no_store=True, max_age=0)


def test_what_came_before_an_open_quotation_still_counts() -> None:
    assert parse_cache_control(b'public, max-age=5, a="b') == only(public=True, max_age=5)


@given(st.integers(0, 10**14), st.integers(0, 5))
def test_any_number_of_seconds_is_itself_or_the_largest(seconds: int, zeros: int) -> None:
    assert delta_seconds(b"0" * zeros + b"%d" % seconds) == min(seconds, MAX_DELTA_SECONDS)


@given(st.binary(max_size=20).filter(lambda octets: not octets or set(octets) - set(b"0123456789")))
def test_what_is_not_all_digits_is_no_number_of_seconds(octets: bytes) -> None:
    assert delta_seconds(octets) is None


PIECES = st.sampled_from(
    [b'"', b"\\", b",", b";", b"=", b" ", b"\t", b"\xff", b"5", *(n.encode() for n in FLAGS + SECONDS)]
)


@given(st.lists(PIECES, max_size=20).map(b"".join) | st.binary(max_size=60))
def test_any_value_can_be_read(value: bytes) -> None:
    read = parse_cache_control(value)
    for name in SECONDS[:-1]:
        seconds = getattr(read, attribute(name))
        assert seconds is None or 0 <= seconds <= MAX_DELTA_SECONDS


@given(st.lists(PIECES, max_size=12).map(b"".join) | st.binary(max_size=30))
def test_nothing_in_front_hides_a_no_store(front: bytes) -> None:
    """Unless it is within quotes that end."""
    if front.count(b'"') == 0:
        assert parse_cache_control(front + b", no-store").no_store


QUOTED = st.text('ab,=;\\"-0123456789 ', max_size=12).map(
    lambda text: b'"%b"' % text.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
)
WELL_FORMED = st.lists(
    st.tuples(st.sampled_from([*SECONDS[:-1], "x-a", "x-b"]), st.integers(0, 10**6).map(lambda n: b"%d" % n) | QUOTED),
    max_size=6,
)


@given(WELL_FORMED)
def test_well_formed_members_are_read_as_they_were_written(members: list[tuple[str, bytes]]) -> None:
    read = parse_cache_control(b", ".join(b"%b=%b" % (name.encode(), argument) for name, argument in members))
    for name in SECONDS[:-1]:
        written = [argument for other, argument in members if other == name]
        expected = None if not written else int(written[0].strip(b'"')) if written[0].strip(b'"').isdigit() else 0
        assert getattr(read, attribute(name)) == expected


def test_equal_values_are_one_reading() -> None:
    assert parse_cache_control(b"max-age=5") is parse_cache_control(b"max" + b"-age=5")


@pytest.mark.parametrize("value", [b"," * 30_000 + b";", b'a="\\",' * 8_000, b'a=",' * 8_000, b";," * 20_000])
def test_members_behind_any_amount_of_rubbish_are_found(value: bytes) -> None:
    assert parse_cache_control(value + b'", no-store').no_store
