from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Fields, WallTime
from gateway.http.cache_control import CacheControl, parse_cache_control
from gateway.http.validators import EntityTag
from plugins.cache.codec import CodecError, decode, encode
from plugins.cache.reasons import LifetimeReason
from plugins.cache.stored import StoredResponse
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


def test_another_version_is_an_error() -> None:
    with pytest.raises(CodecError, match="version 2"):
        decode(b"\x02" + encode(full(), 0.0)[1:], 0.0)


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
