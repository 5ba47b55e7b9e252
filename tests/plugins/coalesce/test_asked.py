from gateway.api import Monotonic
from plugins.coalesce.asked import asked_by, request_of
from tests.support.plugins import make_request, pairs


def test_what_was_asked_stays_what_it_was_when_the_request_is_changed() -> None:
    request = make_request(target="/a", fields={"X-A": "1", "X-B": "2"})
    asked = asked_by(request)
    request.target = b"/b"
    request.fields.set(b"X-A", b"changed")
    request.fields.remove(b"x-b")
    request.fields.add(b"X-C", b"3")
    assert asked.target == b"/a"
    assert pairs(asked.fields) == [("X-A", "1"), ("X-B", "2")]


def test_fields_of_one_who_asks_once_more_are_his_own() -> None:
    asked = asked_by(make_request(fields={"X-A": "1"}))
    fields = asked.fields
    fields.add(b"Range", b"bytes=1-")
    assert pairs(asked.fields) == [("X-A", "1")]


def test_values_are_line_by_line() -> None:
    asked = asked_by(make_request(fields=[("Accept", "a"), ("X", "1"), ("accept", "b")]))
    assert asked.values(b"accept") == [b"a", b"b"]
    assert asked.values(b"cookie") == []


def test_a_request_of_our_own_asks_for_the_same_and_tells_nobody() -> None:
    like = make_request("QUERY", "/a?b", {"X-A": "1"}, b"body", scheme="https", peer="192.0.2.9", route="shop")
    like.trailers = True
    like.deadline = Monotonic(5.0)
    like.epoch = 7
    like.attributes = {"a": 1}
    like.interim = lambda status, fields: None
    own = request_of(asked_by(like), like)
    assert asked_by(own) == asked_by(like)
    assert (own.route, own.deadline, own.epoch, own.attributes) == ("shop", 5.0, 7, {"a": 1})
    assert own.attributes is not like.attributes
    assert own.interim is None
    assert own.trail is not like.trail
