import pytest

from gateway.api import Request
from plugins.cache.forwarding import fetch_fields, fetches_whole, is_too_large, passing_fields, validation_fields
from tests.support.caching import date, policy_of, stored_from
from tests.support.plugins import FieldsLike, make_request, pairs

CONDITIONS = {
    "If-None-Match": '"c"',
    "If-Modified-Since": date(),
    "If-Match": '"c"',
    "If-Unmodified-Since": date(),
}


def asks(method: str = "GET", fields: FieldsLike = ()) -> Request:
    return make_request(method, fields=[("Host", "shop.example"), *dict(fields).items()])


@pytest.mark.parametrize("method", ["GET", "QUERY"])
def test_the_clients_conditions_stay_here(method: str) -> None:
    request = asks(method, CONDITIONS)
    assert pairs(fetch_fields(request, policy_of())) == [("Host", "shop.example")]
    assert len(request.fields) == 5


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_conditions_of_what_is_not_stored_go_on(method: str) -> None:
    assert len(fetch_fields(asks(method, CONDITIONS), policy_of())) == 5


def test_what_is_in_no_key_never_shapes_what_is_stored() -> None:
    request = asks(fields={"X-Host": "evil.test", "X-HTTP-Method-Override": "POST", "X-Fine": "1"})
    assert pairs(fetch_fields(request, policy_of())) == [("Host", "shop.example"), ("X-Fine", "1")]
    assert len(fetch_fields(request, policy_of(unkeyed=[]))) == 4
    assert len(fetch_fields(asks("HEAD", {"X-Host": "evil.test"}), policy_of())) == 1


def test_a_range_goes_on_unless_the_whole_is_wanted() -> None:
    request = asks(fields={"Range": "bytes=0-1", "If-Range": '"a"'})
    assert len(fetch_fields(request, policy_of())) == 3
    assert len(fetch_fields(request, policy_of(), whole=True)) == 1


def test_the_whole_is_wanted_where_it_may_be_small() -> None:
    ranged, plain = asks(fields={"Range": "bytes=0-1"}), asks()
    assert fetches_whole(ranged, policy_of(), is_known_large=False)
    assert not fetches_whole(ranged, policy_of(), is_known_large=True)
    assert not fetches_whole(ranged, policy_of(range_fetch_whole_up_to=0), is_known_large=False)
    assert not fetches_whole(plain, policy_of(), is_known_large=False)
    assert not fetches_whole(asks("HEAD", {"Range": "bytes=0-1"}), policy_of(), is_known_large=False)


def test_too_large_is_only_what_is_known_to_be() -> None:
    assert is_too_large(11, 10)
    assert not is_too_large(10, 10)
    assert not is_too_large(None, 10)


def test_both_kinds_of_validators_are_sent() -> None:
    stored = stored_from({"Cache-Control": "max-age=60", "ETag": 'W/"s"', "Last-Modified": date(-60)})
    request = asks(fields={**CONDITIONS, "Range": "bytes=0-1", "X-Host": "evil.test"})
    assert pairs(validation_fields(request, stored, policy_of())) == [
        ("Host", "shop.example"),
        ("If-None-Match", 'W/"s"'),
        ("If-Modified-Since", date(-60)),
    ]


def test_a_validator_that_is_missing_or_malformed_is_not_sent() -> None:
    stored = stored_from({"Cache-Control": "max-age=60", "ETag": '"s"', "Last-Modified": "monday"})
    assert pairs(validation_fields(asks(), stored, policy_of()))[1:] == [("If-None-Match", '"s"')]
    dated = stored_from({"Cache-Control": "max-age=60", "Last-Modified": date(-60)})
    assert pairs(validation_fields(asks(), dated, policy_of()))[1:] == [("If-Modified-Since", date(-60))]


def test_what_passes_keeps_its_conditions_and_range_but_nothing_that_is_in_no_key() -> None:
    request = asks(fields={**CONDITIONS, "Range": "bytes=0-1", "If-Range": '"c"', "X-Host": "evil.example"})
    assert [name for name, _ in pairs(passing_fields(request, policy_of()))] == [
        "Host",
        *CONDITIONS,
        "Range",
        "If-Range",
    ]
    assert b"x-host" in request.fields
