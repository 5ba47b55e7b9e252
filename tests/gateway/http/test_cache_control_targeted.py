import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.cache_control import (
    MAX_DELTA_SECONDS,
    NO_DIRECTIVES,
    CacheControl,
    parse_cache_control,
    parse_targeted,
)


@pytest.mark.parametrize(
    "value",
    [
        *(None, b"", b"  ", b",", b"max-age=60,", b"max-age=60, &&&&&", b"MaX-aGe=60", b"max-age =60", b"max-age= 60"),
        *(b"max-age=", b"max-age=60; Private", b'a="', b"max-age=60 no-store", b"max-age=9999999999999999", b"a='b'"),
    ],
)
def test_a_field_that_is_absent_empty_or_no_dictionary_is_ignored(value: bytes | None) -> None:
    assert parse_targeted(value) is None


@pytest.mark.parametrize("value", [b"none", b"x=1", b'x="max-age=60"', b"x=(a b)"])
def test_a_valid_field_without_known_directives_still_speaks(value: bytes) -> None:
    assert parse_targeted(value) == NO_DIRECTIVES


@pytest.mark.parametrize(
    "value",
    [
        b"max-age=60, public, stale-while-revalidate=30, stale-if-error=7",
        b"s-maxage=0, must-revalidate, proxy-revalidate, must-understand",
        b"no-store, no-cache, private, no-transform, immutable",
        b'no-cache="a, B", private="c"',
        b"max-age=99999999999",
    ],
)
def test_what_is_right_as_a_dictionary_means_what_cache_control_means(value: bytes) -> None:
    assert parse_targeted(value) == parse_cache_control(value)
    assert parse_targeted(value) != NO_DIRECTIVES


def test_parameters_change_nothing() -> None:
    assert parse_targeted(b"max-age=60;no-store;x=1, public;private") == CacheControl(max_age=60, public=True)


def test_the_last_of_equal_directives_counts_as_in_every_dictionary() -> None:
    assert parse_targeted(b"max-age=60, max-age=5") == CacheControl(max_age=5)


@pytest.mark.parametrize(
    "member", [b'"10000"', b"10.0", b"-1", b"?1", b"ten", b"(1)", b":MTA=:", b"@10", b'%"10"', b"?0"]
)
def test_a_lifetime_of_the_wrong_type_is_over(member: bytes) -> None:
    read = parse_targeted(b"no-transform, max-age=" + member)
    assert read is not None
    assert read.no_transform
    assert not read.max_age


@pytest.mark.parametrize("member", [b"1", b'"x"', b"1.5", b"()", b"x"])
def test_what_restricts_counts_with_any_value_but_false(member: bytes) -> None:
    value = b"no-store=%b, must-revalidate=%b, public=%b" % (member, member, member)
    assert parse_targeted(value) == CacheControl(no_store=True, must_revalidate=True)
    assert parse_targeted(b"no-store=?0, private=?0, no-cache=?1, public=?1") == CacheControl(
        no_cache=True, public=True
    )


@pytest.mark.parametrize("member", [b'""', b'"a b"', b"a", b'("a" "b")', b"1"])
def test_field_names_of_the_wrong_type_cover_the_whole_response(member: bytes) -> None:
    assert parse_targeted(b"private=" + member) == CacheControl(private=True)


@given(st.binary(max_size=60) | st.text('max-age=0123456789, ;"?()privatno-sc', max_size=40).map(str.encode))
def test_any_value_is_read_or_ignored(value: bytes) -> None:
    read = parse_targeted(value)
    assert read is None or read.max_age is None or 0 <= read.max_age <= MAX_DELTA_SECONDS
