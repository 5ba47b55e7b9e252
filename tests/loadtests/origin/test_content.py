"""Contents of exact size and the fields that go with them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.origin.content import entity_tag, head, json_content, response


@given(st.integers(min_value=25, max_value=20_000))
def test_a_document_is_valid_json_of_exactly_the_size_asked_for(size: int) -> None:
    content = json_content(size)
    assert len(content) == size
    assert set(json.loads(content)) == {"items", "padding"}


def test_a_size_too_small_for_any_document_is_refused() -> None:
    with pytest.raises(ValueError, match="24 octets"):
        json_content(24)


def test_different_contents_have_different_entity_tags() -> None:
    assert entity_tag(b"a") != entity_tag(b"b")
    assert entity_tag(b"a").startswith('"')


def test_a_response_has_the_fields_of_a_real_origin() -> None:
    fields, _, content = response(b"{}", now=0.0).partition(b"\r\n\r\n")
    names = [line.partition(b":")[0] for line in fields.split(b"\r\n")[1:]]
    assert content == b"{}"
    assert {b"Date", b"Content-Type", b"Content-Length", b"ETag", b"Last-Modified", b"Vary"} <= set(names)
    assert b"Date: Thu, 01 Jan 1970 00:00:00 GMT" in fields


def test_a_head_without_a_length_announces_chunks() -> None:
    text = head("200 OK", None, now=0.0)
    assert b"Transfer-Encoding: chunked\r\n" in text
    assert b"Content-Length" not in text
