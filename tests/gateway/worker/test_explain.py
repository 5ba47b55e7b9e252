from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chain.plugin import Plugin
from gateway.config import load_text
from gateway.errors import DownstreamError
from gateway.http.message import Request
from gateway.http.request_head import HeadLimits, RequestHeads
from gateway.worker.explain import QuestionError, explained, read_question
from tests.support.noting import NotingPlugin, NotingSettings
from tests.support.plugins import make_request, make_runtime

URL = "http://Shop.example:8080/a/b?c=d"


def read(url: str = URL, **message: Any) -> Request:
    heads = RequestHeads(HeadLimits(8192, 8192, 100), frozenset({b"websocket"}))
    return read_question({"url": url, **message}, heads)


def test_a_url_is_enough() -> None:
    request = read()
    assert (request.method, request.scheme, request.authority) == ("GET", "http", b"Shop.example:8080")
    assert request.target == b"/a/b?c=d"
    assert list(request.fields) == [(b"Host", b"Shop.example:8080")]
    assert (request.body, request.minor, request.downstream.trusted) == (b"", 1, False)


@pytest.mark.parametrize(
    ("url", "target"),
    [("http://a", b"/"), ("http://a?b", b"/?b"), ("http://a/b#part", b"/b"), ("HTTPS://a//b", b"//b")],
)
def test_the_target_is_what_a_client_would_send(url: str, target: bytes) -> None:
    assert read(url).target == target


def test_the_scheme_is_that_of_the_url() -> None:
    assert (read("https://a/").scheme, read("HTTP://a/").scheme) == ("https", "http")


def test_fields_and_method_are_taken_along() -> None:
    request = read(method="HEAD", fields=[["Accept", "text/html"], ["Cookie", "a=b"], ["Cookie", "c=d"]])
    assert request.method == "HEAD"
    assert request.fields.get(b"accept") == b"text/html"
    assert request.fields.values(b"cookie") == [b"a=b", b"c=d"]


def test_a_host_among_the_fields_is_the_one_that_counts() -> None:
    request = read("http://127.0.0.1:8080/", fields=[["host", "shop.example"]])
    assert request.authority == b"shop.example"
    assert len(request.fields) == 1


def test_fields_of_the_connection_and_of_proxies_are_not_believed() -> None:
    request = read(fields=[["Connection", "x-a"], ["X-A", "1"], ["X-Forwarded-Host", "evil"], ["TE", "trailers"]])
    assert [name for name, _ in request.fields] == [b"Host"]


@pytest.mark.parametrize(
    "message",
    [
        {"url": "shop.example/a"},
        {"url": "ftp://shop.example/a"},
        {"url": "http:///a"},
        {"url": "http://a/b c"},
        {"url": "http://a/\r\nX-A: 1"},
        {"url": URL, "method": "GET /x HTTP/1.1\r\nX-A:"},
        {"url": URL, "fields": [["X A", "1"]]},
        {"url": URL, "fields": [["X-A", "1\r\nX-B: 2"]]},
    ],
)
def test_what_is_no_request_is_refused_with_words(message: dict[str, Any]) -> None:
    with pytest.raises(QuestionError):
        read(**message)


@pytest.mark.parametrize(
    "message",
    [
        {"url": "http://us er/"},
        {"url": "http://user@host/"},
        {"url": "http://a/é"},
        {"url": URL, "method": "CONNECT"},
        {"url": URL, "fields": [["Host", "a"], ["Host", "b"]]},
        {"url": URL, "fields": [["Content-Length", "1"], ["Transfer-Encoding", "chunked"]]},
    ],
)
def test_what_a_listener_refuses_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises((DownstreamError, QuestionError)):
        read(**message)


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts, texts, texts, texts)
def test_any_text_gives_a_request_with_one_host_or_an_error(url: str, method: str, name: str, value: str) -> None:
    try:
        request = read(f"http://a/{url}", method=method, fields=[["X-One", "1"], [name, value]])
    except (DownstreamError, QuestionError):
        return
    assert len(request.fields.values(b"host")) == 1
    assert request.fields.get(b"x-one") == b"1" or name.lower() == "x-one"


PLAN = load_text(
    """
upstreams: {app: {servers: [http://127.0.0.1:1]}}
plugins:
  - tests.support.noting:NotingPlugin: {label: a}
  - tests.support.noting:SecondNotingPlugin: {label: b}
""",
    lambda name: NotingSettings,
    environ={},
).routes[0]


def noting(label: str) -> Plugin:
    return NotingPlugin(NotingSettings(label=label), make_runtime())


def test_plugins_speak_in_the_order_of_the_road() -> None:
    told = explained(make_request(target="/x"), PLAN, [noting("a"), noting("b")])
    assert (told["route"], told["upstream"]) == ("default", "app")
    assert [(said["plugin"].partition(":")[2], said["label"], said["sees"]) for said in told["plugins"]] == [
        ("NotingPlugin", "a", "/x"),
        ("SecondNotingPlugin", "b", "/x"),
    ]


def test_a_plugin_that_has_nothing_to_say_is_left_out() -> None:
    told = explained(make_request(), PLAN, [noting("quiet"), noting("b")])
    assert [said["label"] for said in told["plugins"]] == ["b"]


def test_a_request_that_no_route_takes_has_none() -> None:
    assert explained(make_request(), None, ()) == {"route": None, "upstream": None, "plugins": []}


@pytest.mark.parametrize("decision", ["hit", "refuse", "answer"])
def test_nobody_behind_a_plugin_that_answers_is_asked(monkeypatch: pytest.MonkeyPatch, decision: str) -> None:
    first, second = noting("a"), noting("b")
    monkeypatch.setattr(first, "explain", lambda request: {"decision": decision})
    monkeypatch.setattr(second, "explain", lambda request: pytest.fail("it would not be reached"))
    told = explained(make_request(), PLAN, [first, second])
    assert [said["decision"] for said in told["plugins"]] == [decision]
