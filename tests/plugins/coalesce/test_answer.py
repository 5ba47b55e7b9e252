import pytest

from gateway.api import (
    BodyStream,
    BodyTooLargeError,
    Fields,
    GatewayError,
    OverloadedError,
    RefusedError,
    UpstreamClosedError,
    UpstreamError,
)
from plugins.coalesce.answer import (
    SharedAnswer,
    added,
    again,
    is_about_the_request,
    like,
    of_leader,
    without_leader,
)
from plugins.coalesce.asked import asked_by
from plugins.coalesce.budget import Budget
from plugins.coalesce.course import Course
from plugins.coalesce.flight import Flight
from tests.support.plugins import make_request, make_response
from tests.support.streams import RecordingSource


def streamed(answer: SharedAnswer, body: BodyStream) -> Course:
    course = Course(
        body,
        answer.head,
        buffer=1000,
        budget=Budget(),
        most=0,
        ask=lambda course: pytest.fail("nobody is slow"),
        closed=lambda course: None,
        lost=lambda number: None,
    )
    answer.body = course
    return course


def test_the_head_stays_what_it_was() -> None:
    response = make_response(203, {"X-A": "1"}, b"body")
    response.described_length, response.dated, response.reason = 7, True, b"Fine"
    answer = SharedAnswer(Flight(make_request(), 0), response)
    response.fields.set(b"X-A", b"2")
    given = answer.give(make_request(), b"body", 1.0)
    assert (given.status, given.described_length, given.dated, given.reason) == (203, 7, True, b"Fine")
    assert given.fields.get(b"x-a") == b"1"
    given.fields.set(b"X-A", b"3")
    assert answer.give(make_request(), b"body", 0.0).fields.get(b"x-a") == b"1"


def test_nobody_is_told_of_the_end_of_a_copy() -> None:
    told: list[bool] = []
    response = make_response()
    response.on_sent(told.append)
    like(response, b"").sent(True)
    assert told == []


def test_what_was_said_beside_the_answer_is_told() -> None:
    request = make_request()
    flight = Flight(request, 0)
    request.served_by = "http://10.0.0.1"
    request.error_fields = Fields([(b"X-E", b"1")])
    request.attributes = {"a": 1}
    answer = SharedAnswer(flight, make_response())
    other = make_request()
    other.attributes = {"own": 2}
    other.upstream_wait = 1.0
    answer.give(other, b"", 0.5)
    assert (other.served_by, other.upstream_wait, other.attributes) == ("http://10.0.0.1", 1.5, {"own": 2, "a": 1})
    assert other.error_fields == request.error_fields
    assert other.error_fields is not request.error_fields


def test_only_what_plugins_behind_added_is_handed_on() -> None:
    span = object()
    assert added(None, None) == {}
    assert added({"span": span}, {"span": span}) == {}
    assert added({"span": span, "a": 1}, {"span": span, "a": 2, "b": 3}) == {"a": 2, "b": 3}
    assert added(None, {"b": 3}) == {"b": 3}


def test_it_fits_who_agrees_in_what_it_depends_on() -> None:
    answer = SharedAnswer(Flight(make_request(fields={"User-Agent": "a"}), 0), make_response())
    other = asked_by(make_request(fields={"User-Agent": "b"}))
    assert answer.fits(other)
    answer.names = (b"user-agent",)
    assert not answer.fits(other)
    assert answer.fits(asked_by(make_request(fields={"User-Agent": "a", "X": "1"})))


def test_content_at_hand_leaves_the_first_response_as_it_is() -> None:
    response = make_response(body=b"x")
    answer = SharedAnswer(Flight(make_request(), 0), response)
    answer.body = b"x"
    assert of_leader(response, answer) is response
    assert answer.branch() == b"x"


def test_a_stream_without_anybody_waiting_for_its_end_leaves_all_but_the_body() -> None:
    response = make_response(body=BodyStream(3, RecordingSource()))
    answer = SharedAnswer(Flight(make_request(), 0), response)
    streamed(answer, response.body)  # type: ignore[arg-type]  # it is a stream
    own = of_leader(response, answer)
    assert own is response
    assert isinstance(own.body, BodyStream)
    assert own.body.length == 3


@pytest.mark.parametrize("ends_well", [True, False])
@pytest.mark.parametrize("has_leader", [True, False])
def test_whoever_waits_for_the_end_hears_of_the_end_of_the_exchange(ends_well: bool, has_leader: bool) -> None:
    told: list[bool] = []
    body = BodyStream(None, RecordingSource())
    response = make_response(body=body)
    response.on_sent(told.append)
    answer = SharedAnswer(Flight(make_request(), 0), response)
    course = streamed(answer, body)
    if has_leader:
        own = of_leader(response, answer)
        own.sent(True)
        assert own is not response
    else:
        course.branch()
        without_leader(response, answer)
    course.begin(for_newcomers=False)
    assert told == []
    if ends_well:
        body.finish()
    else:
        body.fail(UpstreamClosedError())
    assert told == [ends_well]


def test_without_a_leader_content_at_hand_has_been_handed_over() -> None:
    told: list[bool] = []
    response = make_response()
    response.on_sent(told.append)
    without_leader(response, SharedAnswer(Flight(make_request(), 0), response))
    assert told == [True]


@pytest.mark.parametrize(
    ("error", "about"),
    [
        (RefusedError("no"), True),
        (BodyTooLargeError(), True),
        (UpstreamClosedError(), False),
        (OverloadedError(), False),
        (GatewayError(), False),
        (ValueError(), False),
    ],
)
def test_which_errors_speak_of_one_request(error: Exception, about: bool) -> None:
    assert is_about_the_request(error) is about


def test_an_error_for_somebody_else_is_the_same_error() -> None:
    error = RefusedError("no", status=429, retry_after=3.0)
    error.__cause__ = ValueError("why")
    other = again(error)
    assert isinstance(other, RefusedError)
    assert other is not error
    assert (str(other), other.status, other.retry_after) == ("no", 429, 3.0)
    assert other.__cause__ is error.__cause__
    limited = again(OverloadedError("full", limit="pool"))
    assert isinstance(limited, OverloadedError)
    assert limited.limit == "pool"


def test_an_error_that_cannot_be_copied_is_given_as_it_is() -> None:
    class Own(UpstreamError):
        def __init__(self, a: int, b: int) -> None:
            super().__init__(f"{a} {b}")

    error = Own(1, 2)
    assert again(error) is error


def test_everybody_hears_what_was_known_when_it_was_asked_for() -> None:
    request, other = make_request(), make_request()
    request.epoch, other.epoch = 7, 8
    answer = SharedAnswer(Flight(request, 0), make_response())
    assert answer.give(other, b"", 0.0).epoch == 7
