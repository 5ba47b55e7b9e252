import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.batch.client.items import BadItem, Item, Items, MalformedError
from plugins.batch.settings import ClientSettings
from tests.support.plugins import pairs


def items(**settings: Any) -> Items:
    return Items(ClientSettings.model_validate(settings))


def read(*entries: Any, **settings: Any) -> list[Item | BadItem]:
    return items(**settings).read(json.dumps(entries).encode())


def good(entry: dict[str, Any], **settings: Any) -> Item:
    (item,) = read({"path": "/a", **entry}, **settings)
    assert isinstance(item, Item), item
    return item


def bad(entry: Any, **settings: Any) -> BadItem:
    (item,) = read({"path": "/a", **entry} if isinstance(entry, dict) else entry, **settings)
    assert isinstance(item, BadItem), item
    return item


def test_an_item_is_a_method_and_a_path_with_what_goes_along() -> None:
    item = good(
        {"id": "x", "method": "POST", "path": "/a?b=c", "headers": {"Accept": "text/html"}, "body": {"n": [1, "é"]}}
    )
    assert (item.id, item.method, item.target, item.body) == ("x", "POST", b"/a?b=c", '{"n":[1,"é"]}'.encode())
    assert pairs(item.fields) == [("Accept", "text/html"), ("Content-Type", "application/json")]


def test_a_path_is_enough() -> None:
    item = good({"path": "/"})
    assert (item.id, item.method, item.target, item.body, len(item.fields)) == (None, "GET", b"/", b"", 0)


@pytest.mark.parametrize(
    ("entry", "content", "kind"),
    [
        ({"body": "plain é"}, "plain é".encode(), "text/plain; charset=utf-8"),
        ({"body": "1.10", "headers": {"content-type": "application/json"}}, b"1.10", "application/json"),
        ({"body": "AP8=", "encoding": "base64", "headers": {"Content-Type": "image/png"}}, b"\x00\xff", "image/png"),
        ({"body": "AP8=", "encoding": "base64"}, b"\x00\xff", None),
        ({"body": 5}, b"5", "application/json"),
        ({"body": False}, b"false", "application/json"),
        ({"body": None}, b"", None),
    ],
)
def test_content_is_json_text_or_octets(entry: dict[str, Any], content: bytes, kind: str | None) -> None:
    item = good({"method": "POST", **entry})
    told = item.fields.get(b"content-type")
    assert (item.body, told and told.decode()) == (content, kind)


@pytest.mark.parametrize(
    ("entry", "detail"),
    [
        (5, "is an object"),
        (None, "is an object"),
        ({"path": None}, "begins with a slash"),
        ({"path": "http://other.example/"}, "begins with a slash"),
        ({"path": "a"}, "begins with a slash"),
        ({"path": "/a b"}, "begins with a slash"),
        ({"path": "/a#b"}, "begins with a slash"),
        ({"path": "/é"}, "begins with a slash"),
        ({"path": "/a\r\nX: y"}, "begins with a slash"),
        ({"path": "/" + "a" * 9000}, "begins with a slash"),
        ({"path": "/a/../b"}, "segments of dots"),
        ({"path": "/a/%2E%2e/b"}, "segments of dots"),
        ({"path": "/a/.%2e%2fb"}, "segments of dots"),
        ({"path": "/a/..;x/b"}, "segments of dots"),
        ({"path": "/a\\..\\b"}, "segments of dots"),
        ({"path": "/."}, "segments of dots"),
        ({"path": "/batch?x"}, "batch within a batch"),
        ({"verb": "GET"}, "no member 'verb'"),
        ({"id": True}, "an id is"),
        ({"id": 1.5}, "an id is"),
        ({"id": "x" * 257}, "an id is"),
        ({"headers": []}, "an object of names"),
        ({"headers": {"A": 5}}, "is no field"),
        ({"headers": {"A": "b\r\nc"}}, "is no field"),
        ({"headers": {"a b": "c"}}, "is no field"),
        ({"headers": {"": "c"}}, "is no field"),
        ({"headers": {"A": "1", "a": "2"}}, "twice"),
        ({"body": "x", "encoding": "gzip"}, "only encoding"),
        ({"body": {}, "encoding": "base64"}, "only encoding"),
        ({"body": "?", "encoding": "base64"}, "not base64"),
    ],
)
def test_what_is_no_item_is_told_why(entry: Any, detail: str) -> None:
    item = bad(entry)
    assert (item.status, detail in item.detail) == (400, True), item.detail


@pytest.mark.parametrize(
    "name",
    [
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "TE", "Expect", "Cookie", "Origin",
        "Sec-Fetch-Site", "Sec-Anything", "Proxy-Authorization", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded",
        "X-Real-IP", "X-Original-URL", "Via", "Accept-Encoding", "Keep-Alive",
    ],
)  # fmt: skip
def test_an_item_cannot_say_what_its_batch_says(name: str) -> None:
    assert f"cannot say {name.lower()}" in bad({"headers": {name.lower(): "x"}}).detail


def test_content_that_is_nested_too_deeply_to_be_written_is_told_so() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    assert "nested too deeply" in bad({"method": "POST", "body": deep}).detail


def test_methods_and_paths_are_those_that_are_allowed() -> None:
    settings: dict[str, Any] = {"methods": ["GET"], "paths": ["/api/*", "/health"]}
    assert good({"path": "/api/x"}, **settings).target == b"/api/x"
    assert good({"path": "/health?x"}, **settings).target == b"/health?x"
    assert bad({"path": "/healthy"}, **settings).status == 403
    assert bad({"path": "/API/x"}, **settings).status == 403
    assert bad({"path": "/api/x", "method": "get"}, **settings).status == 405
    assert bad({"path": "/api/x", "method": ["GET"]}, **settings).status == 405


def test_an_id_is_used_once_and_told_back_even_with_what_is_wrong() -> None:
    first, second, third, fourth = read(
        *[{"id": name, "path": path} for name, path in (("a", "/"), ("a", "/"), (1, "?"), ("1", "/"))]
    )
    assert isinstance(first, Item)
    assert isinstance(second, BadItem)
    assert (second.id, "the same id" in second.detail) == ("a", True)
    assert isinstance(third, BadItem)
    assert (third.id, isinstance(fourth, Item)) == (1, True)


@pytest.mark.parametrize("body", [b"", b"{}", b'"x"', b"[", b"nonsense", b"\xff"])
def test_what_is_no_array_is_no_batch(body: bytes) -> None:
    with pytest.raises(MalformedError):
        items().read(body)


def test_no_more_is_looked_at_than_shows_that_it_is_too_much() -> None:
    assert len(read(*[{"path": "/"}] * 50, items=3)) == 4
    assert items(items=3).most == 3


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
members = st.sampled_from(["id", "method", "path", "headers", "body", "encoding"])


@given(st.lists(st.dictionaries(members, values) | values, max_size=5))
def test_any_array_gives_an_item_or_a_reason_for_each_of_its_members(entries: list[Any]) -> None:
    assert len(items().read(json.dumps(entries).replace("NaN", "0").replace("Infinity", "0").encode())) == len(entries)
