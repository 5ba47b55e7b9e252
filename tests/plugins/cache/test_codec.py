from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Fields, WallTime
from gateway.http.cache_control import CacheControl, parse_cache_control
from gateway.http.validators import EntityTag
from plugins.cache.codec import CodecError, decode, encode, glimpse
from plugins.cache.reasons import LifetimeReason
from plugins.cache.stored import StoredResponse
from plugins.cache.vary import PART
from tests.support.stored_responses import stored_response

OF_THE_STORE = {
    "size",
    "uses",
    "spent",
    "place",
    "before",
    "after",
    "last_used",
    "soft_purged",
    "rival_fields",
    "account",
}


def full() -> StoredResponse:
    """A response with something of everything."""
    stored = stored_response(
        b"http://shop.example/\xff?q",
        variant=b"\0variant\xfe",
        tags=(b"a", b"\xe9"),
        route="shop",
        status=203,
        at=1000.25,
        origin_seconds=0.125,
        fields=((b"Cache-Control", b'max-age=60, private="x"'), (b"X-Two", b"1"), (b"x-two", b"\xe9"), (b"Empty", b"")),
    )
    stored.request_fields = ((b"accept", b"text/*"), (b"cookie", None))
    stored.reason = b"Fine"
    stored.why = LifetimeReason.MAX_AGE
    stored.etag = EntityTag(b"tag\xff", weak=True)
    stored.last_modified = WallTime(900.0)
    stored.cache_control = parse_cache_control(b'max-age=60, private="x"')
    stored.corrected_initial_age = 2.5
    return stored


def same(one: StoredResponse, other: StoredResponse) -> bool:
    names = [each.name for each in fields(StoredResponse) if not each.name.startswith("_")]
    return all(getattr(one, name) == getattr(other, name) for name in names if name not in OF_THE_STORE)


def round_trip(stored: StoredResponse, shift: float = 0.0) -> StoredResponse:
    return decode(encode(stored, shift) + stored.body, shift)


@pytest.mark.parametrize("stored", [full(), stored_response(octets=0, fields=())])
def test_everything_comes_back(stored: StoredResponse) -> None:
    again = round_trip(stored, 1e9)
    assert same(again, stored)
    assert again.fields.encode() == stored.fields.encode()
    assert again.why is stored.why or again.why == stored.why


def test_times_are_those_of_the_world_in_between() -> None:
    again = decode(encode(full(), 50.0) + bytes(100), 20.0)
    assert (again.request_time, again.response_time, again.stored_at) == (1030.25, 1030.25, 1030.25)
    assert again.last_modified == 900.0


@pytest.mark.parametrize(
    "control",
    [
        CacheControl(no_cache=True),
        CacheControl(max_age=5, no_cache_fields=frozenset({b"cache-control"}), must_revalidate=True),
        CacheControl(),
    ],
)
def test_directives_that_the_fields_do_not_say_come_back_too(control: CacheControl) -> None:
    stored = full()
    stored.cache_control = control
    assert round_trip(stored).cache_control == control


def test_fields_can_be_changed_afterwards() -> None:
    again = round_trip(full())
    again.fields.set(b"X-Two", b"3")
    assert again.fields == Fields([(b"Cache-Control", b'max-age=60, private="x"'), (b"X-Two", b"3"), (b"Empty", b"")])


@given(st.binary(max_size=300))
def test_any_octets_are_a_response_or_an_error(octets: bytes) -> None:
    with pytest.raises(CodecError):
        decode(octets, 0.0)


@pytest.mark.parametrize("version", [1, 3])
def test_another_version_is_an_error(version: int) -> None:
    record = bytes((version,)) + encode(full(), 0.0)[1:]
    for read in (lambda: decode(record, 0.0), lambda: glimpse(record, full().key)):
        with pytest.raises(CodecError, match=f"version {version}"):
            read()


def test_a_record_of_the_first_version_is_an_error() -> None:
    """As they lie in files that are there when the gateway is updated."""
    with pytest.raises(CodecError, match="version 1"):
        decode(b"\x01\x00\x00\x00\x02\x00\x00\x00\x00[]", 0.0)


def test_a_glimpse_has_what_it_takes_to_select_and_to_answer() -> None:
    stored = full()
    seen = glimpse(encode(stored, 50.0) + stored.body, stored.key)
    assert (seen.variant, seen.names) == (stored.variant, (b"accept", b"cookie"))
    assert (seen.response_time, seen.corrected_initial_age, seen.lifetime) == (1050.25, 2.5, stored.lifetime)
    assert (seen.status, seen.reason, seen.body) == (203, b"Fine", stored.body)
    assert seen.block == stored.fields.encode()
    assert (seen.is_whole, seen.lacks_tag) == (True, False)


def test_a_glimpse_of_another_key_is_an_error() -> None:
    with pytest.raises(CodecError, match="another key"):
        glimpse(encode(full(), 0.0), b"http://shop.example/")


@pytest.mark.parametrize(
    ("changes", "is_whole"),
    [
        ({}, True),
        ({"status": 204}, False),
        ({"status": 206}, False),
        ({"variant": PART + b"bytes"}, False),
        ({"cache_control": CacheControl(no_cache=True)}, False),
        ({"cache_control": CacheControl(must_revalidate=True)}, True),
    ],
)
def test_what_does_not_answer_by_itself_says_so(changes: dict[str, Any], is_whole: bool) -> None:
    stored = full()
    for name, value in changes.items():
        setattr(stored, name, value)
    assert glimpse(encode(stored, 0.0), stored.key).is_whole == is_whole


@pytest.mark.parametrize(
    ("changes", "lacks_tag"),
    [
        ({"status": 200, "etag": None}, True),
        ({"status": 200}, False),
        ({"status": 404, "etag": None}, False),
        ({"status": 200, "etag": None, "cache_control": CacheControl(no_transform=True)}, False),
        ({"status": 200, "etag": None, "fields": Fields([(b"ETag", b"no tag")])}, False),
    ],
)
def test_what_may_get_a_tag_of_ours_says_so(changes: dict[str, Any], lacks_tag: bool) -> None:
    stored = full()
    for name, value in changes.items():
        setattr(stored, name, value)
    assert glimpse(encode(stored, 0.0), stored.key).lacks_tag == lacks_tag


@pytest.mark.parametrize("reason", [None, b"", b"Fine"])
def test_a_reason_phrase_comes_back_as_it_was(reason: bytes | None) -> None:
    stored = full()
    stored.reason = reason
    assert round_trip(stored).reason == reason


@pytest.mark.parametrize("block", [b"A: 1\r\n\r\nHTTP/1.1", b"A: 1\r\n\r\n", b"A: 1", b"no name\r\n"])
def test_what_is_no_section_of_fields_is_an_error(block: bytes) -> None:
    stored = full()
    stored.fields = Fields.received([], block)
    with pytest.raises(CodecError):
        decode(encode(stored, 0.0), 0.0)


def test_a_record_cut_within_its_head_is_an_error() -> None:
    written = encode(full(), 0.0)
    for length in range(len(written) - 1):
        try:
            again = decode(written[:length], 0.0)
        except CodecError:
            continue
        raise AssertionError(f"{length} octets gave {again!r}")


def test_credentials_of_clients_are_not_written() -> None:
    stored = full()
    stored.request_fields = ((b"accept", b"text/*"), (b"authorization", b"Bearer alice"), (b"x-api-key", b"alice"))
    assert b"alice" not in encode(stored, 0.0)
    names = [(b"accept", b"text/*"), (b"authorization", None), (b"x-api-key", None)]
    assert list(round_trip(stored).request_fields) == names
