from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.supervisor.question import QuestionError, read_explain, read_field, read_purge


@pytest.mark.parametrize(
    "document",
    [{"url": "http://a/"}, {"prefix": "http://a/b"}, {"tag": "shop"}, {"route": "api"}, {"all": True}],
)
@pytest.mark.parametrize("how", [{}, {"soft": True}, {"dry_run": True}, {"soft": True, "dry_run": True}])
def test_a_purge_names_one_thing_and_how(document: dict[str, Any], how: dict[str, bool]) -> None:
    order = read_purge(document | how)
    assert order.fields() == {**document, "soft": False, "dry_run": False, **how}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "exactly one"),
        ({"url": "http://a/", "tag": "b"}, "exactly one"),
        ({"all": False}, "exactly one"),
        ({"all": "yes"}, "all is true"),
        ({"tag": ""}, "text"),
        ({"tag": 7}, "text"),
        ({"tag": ["a"]}, "text"),
        ({"tag": "\ud800"}, "text"),
        ({"tag": "a", "soft": "yes"}, "soft is true or false"),
        ({"tag": "a", "dry_run": 1}, "dry_run is true or false"),
        ({"tag": "a", "dryrun": True}, "unknown: dryrun"),
        ([], "JSON object"),
        ("all", "JSON object"),
        (None, "JSON object"),
    ],
)
def test_anything_else_is_refused_with_words(document: Any, words: str) -> None:
    with pytest.raises(QuestionError, match=words):
        read_purge(document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values | st.dictionaries(st.sampled_from(["url", "tag", "all", "soft", "dry_run"]), json_values))
def test_any_document_is_a_purge_or_refused(document: Any) -> None:
    try:
        order = read_purge(document)
    except QuestionError:
        return
    assert order.value is True or (isinstance(order.value, str) and order.value)


def test_a_request_is_described_by_parameters() -> None:
    query = [("url", "http://a/?b"), ("header", "Accept: text/html"), ("method", "HEAD"), ("header", "X-A:1:2")]
    assert read_explain(query) == {
        "url": "http://a/?b",
        "method": "HEAD",
        "fields": [["Accept", "text/html"], ["X-A", "1:2"]],
    }


def test_a_url_alone_is_a_get() -> None:
    assert read_explain([("url", "http://a/")]) == {"url": "http://a/", "method": "GET", "fields": []}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ([], "url is missing"),
        ([("url", "")], "url is missing"),
        ([("url", "http://a/"), ("headers", "A: b")], "unknown: headers"),
        ([("url", "http://a/"), ("header", "Accept")], "not a field"),
        ([("url", "http://a/"), *[("header", "A: b")] * 101], "more than 100"),
    ],
)
def test_a_question_that_is_none_is_refused_with_words(query: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(QuestionError, match=words):
        read_explain(query)


def test_an_empty_value_is_a_value() -> None:
    assert read_field("X-Empty:") == ["X-Empty", ""]


@pytest.mark.parametrize("text", ["", ":", " : a", "Accept"])
def test_a_field_needs_a_name_and_a_colon(text: str) -> None:
    with pytest.raises(QuestionError):
        read_field(text)
