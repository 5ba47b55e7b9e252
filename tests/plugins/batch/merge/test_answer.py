import json

import pytest

from plugins.batch.merge.answer import Answers, asks_for_calm, calm
from tests.support.plugins import FieldsLike, fields_of, make_request, make_response, pairs

JSON = ("Content-Type", "application/json; charset=utf-8")


def test_a_single_answer_has_what_is_as_true_of_it_and_nothing_else() -> None:
    bulk = fields_of(
        [
            JSON, ("Cache-Control", "max-age=60"), ("Date", "Mon, 01 Jan 2024 00:00:00 GMT"), ("Age", "3"),
            ("Vary", "Accept"), ("ETag", '"bulk"'), ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT"),
            ("Content-Digest", "sha-256=:x:"), ("Link", "</users?page=2>; rel=next"), ("X-Total-Count", "50"),
            ("Content-Location", "/users?ids=1,2"), ("Accept-Ranges", "bytes"), ("X-Own", "yes"),
        ]
    )  # fmt: skip
    answers = Answers((), ["X-Own"])
    got = answers.element(answers.shared(bulk), b'{"id":1}')
    assert [name for name, _ in pairs(got.fields)] == ["Content-Type", "Cache-Control", "Date", "Age", "Vary", "X-Own"]
    assert (got.status, got.body, got.dated) == (200, b'{"id":1}', True)


def test_answers_do_not_share_their_fields() -> None:
    answers = Answers((), [])
    shared = answers.shared(fields_of([JSON]))
    one, other = answers.element(shared, b"1"), answers.element(shared, b"2")
    one.fields.add(b"X-Mine", b"1")
    assert b"x-mine" not in other.fields
    assert b"x-mine" not in shared
    assert not one.dated


def test_an_element_may_be_wrapped() -> None:
    answers = Answers(("data", 'a"b'), [])
    assert answers.element(fields_of([JSON]), b'{"id":1.10}').body == b'{"data":{"a\\"b":{"id":1.10}}}'


def test_a_cookie_goes_to_nobody_and_what_came_with_it_is_not_kept() -> None:
    shared = Answers((), []).shared(
        fields_of([JSON, ("Set-Cookie", "sid=1"), ("Cache-Control", "public, max-age=60"), ("Expires", "0")])
    )
    assert pairs(shared) == [JSON, ("Cache-Control", "no-store")]


@pytest.mark.parametrize(
    ("bulk", "says"),
    [({"Cache-Control": "max-age=60"}, None), ({"Cache-Control": "private, max-age=60"}, "no-store"), ({}, None)],
)
def test_what_is_missing_says_nothing_of_storing_but_where_it_is_forbidden(bulk: FieldsLike, says: str | None) -> None:
    answers = Answers((), [])
    shared = answers.shared(fields_of([JSON, *dict(bulk).items(), ("Cache-Tag", "users"), ("Vary", "Accept")]))
    got = answers.missing(shared, make_request())
    assert got.status == 404
    value = got.fields.get(b"cache-control")
    assert (None if value is None else value.decode()) == says
    assert got.fields.get(b"vary") == b"Accept"
    assert b"cache-tag" not in got.fields


def test_what_is_missing_is_told_as_the_client_reads_it() -> None:
    answers, shared = Answers((), []), fields_of([JSON])
    problem = answers.missing(shared, make_request(fields={"Accept": "application/json"}))
    assert problem.fields.get(b"content-type") == b"application/problem+json"
    assert json.loads(bytes(problem.body))["status"] == 404  # type: ignore[arg-type]  # bytes, as `missing` makes it
    text = answers.missing(shared, make_request(fields={"Accept": "text/html"}))
    assert text.fields.get(b"content-type") == b"text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("status", "fields", "asks"),
    [(429, {}, True), (503, {"Retry-After": "7"}, True), (503, {}, False), (500, {"Retry-After": "7"}, False)],
)
def test_who_asks_for_calm(status: int, fields: FieldsLike, asks: bool) -> None:
    assert asks_for_calm(make_response(status, fields)) is asks


def test_a_call_for_calm_reaches_those_who_waited() -> None:
    got = calm(make_response(503, {"Retry-After": "7", "Set-Cookie": "a=b", "Date": "Mon, 01 Jan 2024 00:00:00 GMT"}))
    assert (got.status, got.fields.get(b"retry-after"), got.dated) == (503, b"7", True)
    assert b"set-cookie" not in got.fields
    assert got.fields.get(b"cache-control") == b"no-store"
    assert bytes(calm(make_response(429)).body).startswith(b"429 ")  # type: ignore[arg-type]  # bytes
