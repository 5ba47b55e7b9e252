import pytest

from gateway.http.body import BodyStream, StreamEnd
from gateway.http.fields import Fields
from gateway.http.message import (
    IDEMPOTENT_METHODS,
    SAFE_METHODS,
    Decision,
    Downstream,
    Reason,
    Request,
    Response,
    ToldReason,
)


class Because(Reason):
    TESTED = "tested"


def request(target: bytes = b"/") -> Request:
    return Request("GET", target, Fields(), downstream=Downstream("192.0.2.1", "https"))


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a", b"/a", None),
        (b"/a?", b"/a", b""),
        (b"/a?b=c?d", b"/a", b"b=c?d"),
        (b"//a/../%2e?x", b"//a/../%2e", b"x"),
        (b"*", b"*", None),
    ],
)
def test_path_and_query_are_cut_at_the_first_question_mark_and_nowhere_else(
    target: bytes, path: bytes, query: bytes | None
) -> None:
    assert (request(target).path, request(target).query) == (path, query)


def test_a_request_takes_scheme_and_client_from_its_connection_until_somebody_knows_better() -> None:
    assert (request().scheme, request().client) == ("https", "192.0.2.1")


def test_decisions_stay_in_order_on_the_trail() -> None:
    exchange = request()
    first, second = Decision("cache", Because.TESTED), Decision("cors", Because.TESTED, "twice")
    exchange.note(first)
    exchange.note(second)
    assert exchange.trail == [first, second]


def test_two_requests_share_no_trail() -> None:
    one, other = request(), request()
    one.note(Decision("cache", Because.TESTED))
    assert other.trail == []


@pytest.mark.parametrize("complete", [True, False])
def test_whoever_waits_for_the_end_of_a_response_is_told_once(complete: bool) -> None:
    response = Response(200, Fields())
    heard: list[bool] = []
    response.on_sent(heard.append)
    response.on_sent(heard.append)
    response.sent(complete)
    response.sent(not complete)
    assert heard == [complete, complete]


def test_a_failing_callback_keeps_no_other_from_hearing_of_the_end() -> None:
    def fails(complete: bool) -> None:
        raise ZeroDivisionError

    response = Response(200, Fields())
    heard: list[bool] = []
    response.on_sent(fails)
    response.on_sent(heard.append)
    with pytest.raises(ZeroDivisionError):
        response.sent(True)
    assert heard == [True]


def test_a_discarded_response_aborts_its_body_and_counts_as_given_up() -> None:
    body = BodyStream()
    response = Response(200, Fields(), body)
    heard: list[bool] = []
    response.on_sent(heard.append)
    response.discard()
    assert (body.end, heard) == (StreamEnd.ABORTED, [False])


def test_a_discarded_response_is_given_up_even_when_its_body_cannot_be_aborted() -> None:
    def fails(end: StreamEnd) -> None:
        raise ZeroDivisionError

    body = BodyStream()
    body.on_end(fails)
    response = Response(200, Fields(), body)
    heard: list[bool] = []
    response.on_sent(heard.append)
    with pytest.raises(ZeroDivisionError):
        response.discard()
    assert heard == [False]


def test_every_safe_method_may_be_repeated_and_post_may_not() -> None:
    assert SAFE_METHODS < IDEMPOTENT_METHODS
    assert not {"POST", "PATCH", "CONNECT"} & IDEMPOTENT_METHODS


def test_a_copy_of_a_response_may_be_changed() -> None:
    response = Response(200, Fields([(b"A", b"1")]), b"x", b"Fine")
    response.dated = response.shared = True
    response.joined = b"as written"
    response.epoch = epoch = object()
    copy = response.copy()
    copy.fields.add(b"B", b"2")
    assert (copy.status, copy.body, copy.reason, copy.dated) == (200, b"x", b"Fine", True)
    assert (copy.shared, copy.joined) == (False, b"")
    assert copy.epoch is epoch
    assert b"b" not in response.fields


class Said(ToldReason):
    PRIVATE = "private", "The answer is for one user."


def test_a_told_reason_has_a_value_for_programs_and_a_sentence_for_people() -> None:
    assert (Said.PRIVATE.value, Said.PRIVATE.sentence) == ("private", "The answer is for one user.")
