import base64
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.batch.client.answer import Answered, array, rendered
from tests.support.plugins import FieldsLike, make_response

JSON = {"Content-Type": "application/json"}


def entry(content: bytes, fields: FieldsLike = (), **how: Any) -> Any:
    answered = rendered("x", make_response(200, fields), content, **how)
    assert b"\n" not in answered.octets
    assert b"\r" not in answered.octets
    return json.loads(answered.octets)


def test_json_is_put_in_as_it_came() -> None:
    answered = rendered(7, make_response(201, JSON), b'{"price": 1.10,\n "big": 123456789012345678901}')
    assert b'"body":{"price": 1.10,  "big": 123456789012345678901}' in answered.octets
    assert json.loads(answered.octets)["id"] == 7
    assert answered.status == 201


@pytest.mark.parametrize(
    ("content", "fields", "body"),
    [
        (b"caf\xc3\xa9\n", {"Content-Type": "text/plain; charset=UTF-8"}, "café\n"),
        (b"plain", {}, "plain"),
        (b"{broken", JSON, "{broken"),
        (b"", JSON, None),
        (b"null", JSON, None),
    ],
)
def test_text_is_put_in_as_text(content: bytes, fields: FieldsLike, body: str | None) -> None:
    got = entry(content, fields)
    assert (got["body"], "encoding" in got) == (body, False)


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (b"\x89PNG\xff", {"Content-Type": "image/png"}),
        (b"caf\xe9", {"Content-Type": "text/plain"}),
        (b"abc", {"Content-Type": "text/plain; charset=iso-8859-1"}),
        (b"{}", {**JSON, "Content-Encoding": "br"}),
        (b'"\xff"', JSON),
    ],
)
def test_everything_else_is_put_in_as_base64(content: bytes, fields: FieldsLike) -> None:
    got = entry(content, fields)
    assert (got["encoding"], base64.b64decode(got["body"])) == ("base64", content)


@given(
    st.binary(max_size=50), st.sampled_from(["application/json", "text/plain", "image/png", "text/html;charset=utf-16"])
)
def test_whatever_the_content_the_answer_is_one_line_that_gives_it_back(content: bytes, content_type: str) -> None:
    got = entry(content, {"Content-Type": content_type})
    body = got["body"]
    if got.get("encoding"):
        assert base64.b64decode(body) == content
    elif content_type.endswith("json") and is_readable(content):
        assert json.loads(content) == body
    else:
        assert (body or "").encode() == content


def is_readable(content: bytes) -> bool:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    return True


def test_lines_of_one_name_are_joined_and_octets_that_are_no_text_survive() -> None:
    response = make_response(200, [("Vary", "A"), ("X", "1"), ("vary", "B")])
    response.fields.add(b"X-Odd", b"caf\xe9")
    assert json.loads(rendered(None, response, b"").octets)["headers"] == {"Vary": "A, B", "X": "1", "X-Odd": "café"}


def test_cookies_are_kept_from_scripts() -> None:
    answered = rendered(None, make_response(200, [("Set-Cookie", "sid=1; HttpOnly"), ("Set-Cookie", "b=2")]), b"")
    assert answered.cookies == (b"sid=1; HttpOnly", b"b=2")
    assert b"sid" not in answered.octets


def test_an_item_without_an_id_has_none_and_its_place_is_told_where_order_is_not() -> None:
    assert list(json.loads(rendered(None, make_response(), b"").octets)) == ["status", "headers", "body"]
    assert list(entry(b"", index=4)) == ["index", "id", "status", "headers", "body"]


def test_an_answer_to_head_tells_the_length_it_describes() -> None:
    assert entry(b"", described=12)["headers"] == {"Content-Length": "12"}


def test_the_answers_are_one_array() -> None:
    assert json.loads(array([Answered(b"{}", 200), Answered(b'{"a":1}', 200)])) == [{}, {"a": 1}]
    assert json.loads(array([])) == []
