import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Response
from plugins.cache.answer import answer, answer_fetched
from plugins.cache.stored import StoredResponse
from tests.support.caching import date, planned, policy_of, stored_from, wall
from tests.support.plugins import make_request, make_response, pairs

CC = "Cache-Control"
WHOLE = b"0123456789"
FIELDS = {CC: "max-age=60", "Content-Type": "text/plain", "ETag": '"a"', "Last-Modified": date(-60)}


def stored(changes: dict[str, str] | None = None, body: bytes = WHOLE) -> StoredResponse:
    return stored_from({**FIELDS, **(changes or {})}, body)


def asked(
    fields: dict[str, str] | None = None,
    of: StoredResponse | None = None,
    method: str = "GET",
    age: float = 5.0,
    status: bytes | None = None,
    **settings: Any,
) -> Response:
    request = make_request(method, fields=fields or {})
    return answer(request, of or stored(), age, wall(5), policy_of(**settings), status)


def test_a_hit_is_what_was_stored_with_its_age() -> None:
    response = asked(age=4.2)
    assert (response.status, response.body, response.dated) == (200, WHOLE, True)
    assert pairs(response.fields) == [("Date", date()), *FIELDS.items(), ("Age", "5")]


def test_what_the_cache_did_is_said_last() -> None:
    response = asked(of=stored({"Cache-Status": "Inner; hit"}), status=b"slipstream; hit; ttl=55")
    assert response.fields.values(b"cache-status") == [b"Inner; hit", b"slipstream; hit; ttl=55"]


def test_answers_of_one_second_may_have_different_things_to_say() -> None:
    held = stored()
    asked(of=held, status=b"slipstream; hit; ttl=5")
    stale = asked(of=held, status=b"slipstream; hit; ttl=5; detail=max_stale")
    assert stale.fields.get(b"cache-status") == b"slipstream; hit; ttl=5; detail=max_stale"
    assert b"cache-status" not in asked(of=held).fields


def test_each_second_has_its_fields_and_every_answer_its_own() -> None:
    held = stored()
    one, same, later = asked(of=held), asked(of=held), asked(of=held, age=6.5)
    one.fields.set(b"X-Mine", b"1")
    assert b"x-mine" not in same.fields
    assert (same.fields.get(b"age"), later.fields.get(b"age")) == (b"5", b"7")
    assert asked(of=held).fields.get(b"age") == b"5"


def test_the_octets_on_the_wire_are_those_of_the_fields() -> None:
    response = asked(status=b"slipstream; hit; ttl=55")
    wire = b"".join(b"%b: %b\r\n" % line for line in response.fields)
    assert response.fields.encode() == wire
    assert response.fields.encode_with_length(10) == wire + b"Content-Length: 10\r\n"
    assert response.fields.encode_with_length(3) == wire + b"Content-Length: 3\r\n"


def test_a_confirmation_is_seen_by_the_next_answer() -> None:
    held = stored()
    asked(of=held)
    held.freshen(planned({**FIELDS, "X-New": "1"}).freshening())
    assert asked(of=held).fields.get(b"x-new") == b"1"


def test_head_is_answered_from_get_and_tells_the_length() -> None:
    response = asked(method="HEAD")
    assert (response.status, response.body, response.described_length) == (200, b"", 10)


CONDITIONS: list[tuple[dict[str, str], int]] = [
    ({"If-None-Match": '"a"'}, 304),
    ({"If-None-Match": 'W/"a"'}, 304),
    ({"If-None-Match": "*"}, 304),
    ({"If-None-Match": '"b", "a"'}, 304),
    ({"If-None-Match": '"b"'}, 200),
    ({"If-None-Match": '"b"', "If-Modified-Since": date()}, 200),
    ({"If-None-Match": '"a"', "If-Modified-Since": date(-90)}, 304),
    ({"If-Modified-Since": date(-60)}, 304),
    ({"If-Modified-Since": date(-61)}, 200),
    ({"If-Modified-Since": "yesterday"}, 200),
    ({"If-Match": '"a"'}, 200),
    ({"If-Match": "*"}, 200),
    ({"If-Match": '"b"'}, 412),
    ({"If-Match": 'W/"a"'}, 412),
    ({"If-Match": '"b"', "If-None-Match": '"a"'}, 412),
    ({"If-Match": '"a"', "If-None-Match": '"a"'}, 304),
    ({"If-Unmodified-Since": date(-60)}, 200),
    ({"If-Unmodified-Since": date(-61)}, 412),
    ({"If-Match": '"a"', "If-Unmodified-Since": date(-90)}, 200),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("fields", "status"), CONDITIONS)
def test_the_clients_condition_is_judged_against_what_is_stored(
    fields: dict[str, str], status: int, method: str
) -> None:
    response = asked(fields, method=method)
    assert response.status == status
    if status != 200:
        assert response.body == b""


def test_a_weak_tag_never_satisfies_a_strong_comparison() -> None:
    weak = stored({"ETag": 'W/"a"'})
    assert asked({"If-Match": 'W/"a"'}, weak).status == 412
    assert asked({"If-None-Match": '"a"'}, weak).status == 304
    assert asked({"Range": "bytes=0-1", "If-Range": 'W/"a"'}, weak).status == 200


def test_without_a_modification_date_the_date_counts() -> None:
    undated = stored_from({CC: "max-age=60"}, WHOLE)
    assert asked({"If-Modified-Since": date()}, undated).status == 304
    assert asked({"If-Modified-Since": date(-1)}, undated).status == 200
    assert asked({"If-Unmodified-Since": date(-1)}, undated).status == 200


def test_errors_have_no_conditions() -> None:
    missing = stored_from(FIELDS, b"no", status=404)
    assert asked({"If-None-Match": '"a"'}, missing).status == 404
    assert asked({"If-Match": '"b"'}, missing).status == 404
    assert asked({"Range": "bytes=0-1"}, missing).status == 404


def test_a_304_says_what_there_is_to_update_and_nothing_about_content() -> None:
    held = stored({"Content-Language": "de", "Content-Location": "/de", "Vary": "Accept-Language", "X-A": "1"})
    response = asked({"If-None-Match": '"a"'}, held, status=b"slipstream; hit; ttl=55")
    assert pairs(response.fields) == [
        ("Date", date()),
        (CC, "max-age=60"),
        ("ETag", '"a"'),
        ("Content-Location", "/de"),
        ("Vary", "Accept-Language"),
        ("X-A", "1"),
        ("Age", "5"),
        ("Cache-Status", "slipstream; hit; ttl=55"),
    ]


def test_a_304_keeps_the_only_validator_there_is() -> None:
    dated = stored_from({CC: "max-age=60", "Last-Modified": date(-60)}, WHOLE)
    response = asked({"If-Modified-Since": date()}, dated, etag=False)
    assert response.fields.get(b"last-modified") == date(-60).encode()


def test_a_tag_of_our_own_is_as_good_as_the_origins() -> None:
    untagged = stored_from({CC: "max-age=60"}, WHOLE)
    tag = asked(of=untagged).fields.get(b"etag")
    assert tag is not None
    assert asked({"If-None-Match": tag.decode()}, untagged).status == 304
    assert asked({"If-Match": '"b"'}, untagged).status == 412
    assert asked({"Range": "bytes=0-1", "If-Range": tag.decode()}, untagged).status == 206
    assert asked(of=stored_from({CC: "max-age=60"}, WHOLE), etag=False).fields.get(b"etag") is None


RANGES: list[tuple[str, int, str | None, bytes]] = [
    ("bytes=0-3", 206, "bytes 0-3/10", b"0123"),
    ("bytes=8-", 206, "bytes 8-9/10", b"89"),
    ("bytes=8-99", 206, "bytes 8-9/10", b"89"),
    ("bytes=-3", 206, "bytes 7-9/10", b"789"),
    ("bytes=-99", 206, "bytes 0-9/10", WHOLE),
    ("bytes=0-3,2-5", 206, "bytes 0-5/10", b"012345"),
    ("bytes=0-3,4-5", 206, "bytes 0-5/10", b"012345"),
    ("bytes=10-", 416, "bytes */10", b""),
    ("bytes=-0", 416, "bytes */10", b""),
    ("bytes=5-2", 200, None, WHOLE),
    ("lines=0-3", 200, None, WHOLE),
    ("bytes=a-b", 200, None, WHOLE),
    ("bytes=", 200, None, WHOLE),
    ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 1000, 2)), 200, None, WHOLE),
    ("bytes=" + ",".join(["0-"] * 16), 206, "bytes 0-9/10", WHOLE),
]


@pytest.mark.parametrize(("asks", "status", "where", "content"), RANGES)
def test_a_part_is_cut_from_the_whole(asks: str, status: int, where: str | None, content: bytes) -> None:
    response = asked({"Range": asks})
    found = response.fields.get(b"content-range")
    assert (response.status, found.decode() if found else None, response.body) == (status, where, content)
    if status == 206:
        assert response.fields.get(b"etag") == b'"a"'
        assert response.fields.get(b"age") == b"5"


def test_several_parts_come_in_one_answer() -> None:
    response = asked({"Range": "bytes=0-1,4-5"})
    kind = (response.fields.get(b"content-type") or b"").decode()
    boundary = re.fullmatch(r'multipart/byteranges; boundary="([0-9a-f]{32})"', kind)
    assert boundary is not None
    assert b"content-range" not in response.fields
    assert isinstance(response.body, bytes)
    parts = response.body.split(b"--" + boundary[1].encode())
    assert [part.strip() for part in parts] == [
        b"",
        b"Content-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01",
        b"Content-Type: text/plain\r\nContent-Range: bytes 4-5/10\r\n\r\n45",
        b"--",
    ]


@pytest.mark.parametrize(
    ("if_range", "status"),
    [('"a"', 206), ('"b"', 200), ('W/"a"', 200), (date(-60), 206), (date(-61), 200), ("x", 200)],
)
def test_if_range_decides_whether_the_part_fits_what_the_client_has(if_range: str, status: int) -> None:
    assert asked({"Range": "bytes=0-1", "If-Range": if_range}).status == status


def test_a_condition_comes_before_a_range() -> None:
    assert asked({"Range": "bytes=0-1", "If-None-Match": '"a"'}).status == 304
    assert asked({"Range": "bytes=0-1", "If-None-Match": '"b"'}).status == 206


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_ranges_are_for_get(method: str) -> None:
    assert asked({"Range": "bytes=0-1"}, method=method).status == 200


def test_a_stored_part_gives_parts_of_itself() -> None:
    request = make_request(fields={"Range": "bytes=2-5"})
    part = stored_from({**FIELDS, "Content-Range": "bytes 2-5/10"}, b"2345", status=206, request=request)
    response = asked({"Range": "bytes=3-4"}, part)
    assert (response.status, response.body) == (206, b"34")
    assert response.fields.values(b"content-range") == [b"bytes 3-4/10"]
    several = asked({"Range": "bytes=2-2,5-5"}, part)
    assert isinstance(several.body, bytes)
    assert b"bytes 2-2/10\r\n\r\n2\r\n" in several.body
    assert b"content-range" not in several.fields


def test_an_empty_whole_has_no_parts() -> None:
    assert asked({"Range": "bytes=0-0"}, stored(body=b"")).status == 416
    assert asked({"Range": "bytes=-5"}, stored(body=b"")).status == 200


def test_conditions_kept_back_are_judged_by_the_answer_that_comes() -> None:
    fetched = make_response(200, {**FIELDS, "Date": date(), "X-A": "1"}, WHOLE)

    def judged(**fields: str) -> Response | None:
        request = make_request(fields={name.replace("_", "-"): value for name, value in fields.items()})
        return answer_fetched(request, fetched, wall(0))

    assert judged() is None
    assert judged(If_None_Match='"b"') is None
    unchanged = judged(If_None_Match='"a"')
    assert unchanged is not None
    assert (unchanged.status, unchanged.fields.get(b"x-a"), b"content-type" in unchanged.fields) == (304, b"1", False)
    failed = judged(If_Match='"b"')
    assert failed is not None
    assert failed.status == 412
    assert fetched.body == WHOLE


def test_conditions_that_went_on_are_not_judged_here() -> None:
    request = make_request("PUT", fields={"If-Match": '"b"'})
    assert answer_fetched(request, make_response(200, FIELDS), wall(0)) is None
    ask = make_request(fields={"If-None-Match": "*"})
    assert answer_fetched(ask, make_response(500), wall(0)) is None


@given(st.text(alphabet="bytes=0123456789-, ", max_size=30), st.binary(max_size=12))
def test_whatever_is_asked_for_what_comes_is_a_part_of_what_is_stored(asks: str, content: bytes) -> None:
    held = stored_from({CC: "max-age=60"}, content)
    response = answer(make_request(fields={"Range": asks}), held, 0.0, wall(0), policy_of(), None)
    assert response.status in (200, 206, 416)
    assert isinstance(response.body, bytes)
    if response.status == 200:
        assert response.body == content
    elif response.status == 206 and b"content-range" in response.fields:
        assert response.body
        assert response.body in content
