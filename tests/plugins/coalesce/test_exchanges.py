from typing import Any

import pytest

from gateway.api import BodyStream, Monotonic, UpstreamClosedError
from plugins.coalesce.asked import asked_by
from plugins.coalesce.exchanges import Exchanges, is_patient
from plugins.coalesce.flight import Flight, Given, Member, State, Turned
from plugins.coalesce.reasons import ApartReason
from plugins.coalesce.settings import CoalesceSettings
from tests.support.plugins import ManualClock, make_request, make_response, make_runtime
from tests.support.streams import RecordingSource


class Scene:
    """A route without anybody who waits for real."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock(monotonic=0.0)
        checked = CoalesceSettings.model_validate(settings)
        self.exchanges = Exchanges(checked, make_runtime(clock=self.clock))
        self.exchanges.budget.join(self, checked.memory)

    def flight(self) -> Flight:
        flight = Flight(make_request(), self.exchanges.writes.count)
        self.exchanges.table.flights[b"/"] = flight
        return flight

    def member(self, flight: Flight, due: float = 30.0) -> Member:
        request = make_request()
        member = Member(request, asked_by(request), None, Monotonic(0.0), Monotonic(due), None)
        flight.follow(member)
        return member

    def land(self, flight: Flight, response: Any) -> Any:
        return self.exchanges.landed(flight, response, lambda flight, course: pytest.fail("nobody is slow"))

    @property
    def is_empty(self) -> bool:
        return not self.exchanges.table.flights


def test_an_answer_without_company_is_the_leaders_as_it_is() -> None:
    scene = Scene()
    flight, response = scene.flight(), make_response(body=b"x")
    assert scene.land(flight, response) == (response, [])
    assert scene.is_empty


def test_an_answer_that_nobody_waits_for_any_more_is_given_up() -> None:
    scene = Scene()
    flight = scene.flight()
    member = scene.member(flight)
    assert flight.keeps()
    flight.leave(member)
    source = RecordingSource()
    assert scene.land(flight, make_response(body=BodyStream(None, source))) == (None, [])
    assert source.told == ["cancel"]
    assert scene.is_empty


def test_those_who_waited_are_to_be_woken_with_their_share() -> None:
    scene = Scene()
    flight = scene.flight()
    members = [scene.member(flight) for _ in range(3)]
    own, woken = scene.land(flight, make_response(body=b"x"))
    assert own is not None
    assert woken == members
    assert all(isinstance(member.outcome, Given) for member in members)
    assert scene.is_empty


def test_a_stream_is_found_until_it_ends() -> None:
    scene = Scene()
    flight, body = scene.flight(), BodyStream(None, RecordingSource())
    scene.land(flight, make_response(body=body))
    assert flight.state is State.UNDER_WAY
    assert not scene.is_empty
    body.finish()
    assert scene.is_empty


def test_a_newcomer_joins_a_stream_for_a_while() -> None:
    scene = Scene(join_for="2s")
    flight, body = scene.flight(), BodyStream(None, RecordingSource())
    own, _ = scene.land(flight, make_response(body=body))
    request = make_request()
    scene.clock.advance(2.0)
    assert scene.exchanges.join(flight, request, asked_by(request), None) is not None
    scene.clock.advance(0.1)
    assert scene.exchanges.join(flight, request, asked_by(request), None) is None
    assert scene.is_empty
    assert own is not None


def test_the_sweep_closes_what_nobody_may_join_any_more() -> None:
    scene = Scene(join_for="2s")
    body = BodyStream(None, RecordingSource())
    scene.land(scene.flight(), make_response(body=body))
    body.feed(b"x")
    scene.exchanges.sweep()
    assert scene.exchanges.budget.used > 0
    scene.clock.advance(2.1)
    scene.exchanges.sweep()
    assert scene.exchanges.budget.used == 0
    assert scene.is_empty


def test_what_bars_a_request() -> None:
    scene = Scene(followers=1)
    flight = scene.flight()
    asked = asked_by(make_request())
    assert scene.exchanges.bar(flight, asked) is None
    scene.exchanges.writes.note(asked.client.encode())
    assert scene.exchanges.bar(flight, asked) is ApartReason.WRITE
    assert scene.exchanges.bar(flight, asked_by(make_request(peer="192.0.2.99"))) is None
    scene.member(flight)
    assert scene.exchanges.bar(flight, asked) is ApartReason.FULL


@pytest.mark.parametrize(("on_failure", "found"), [("elect", False), ("share", True)])
def test_an_exchange_that_is_too_late_for_one_is_too_late_for_newcomers_if_they_can_elect(
    on_failure: str, found: bool
) -> None:
    scene = Scene(on_failure=on_failure)
    flight = scene.flight()
    late, patient = scene.member(flight, due=5.0), scene.member(flight, due=50.0)
    scene.clock.advance(5.0)
    assert scene.exchanges.overdue(flight) == [late]
    assert late.outcome == Turned(ApartReason.LATE)
    assert patient.outcome is None
    assert scene.is_empty is not found


def test_a_deadline_of_one_request_says_nothing_about_the_exchange() -> None:
    scene = Scene()
    flight = scene.flight()
    hasty = scene.member(flight, due=5.0)
    hasty.request.deadline = Monotonic(5.0)
    scene.clock.advance(5.0)
    assert scene.exchanges.overdue(flight) == [hasty]
    assert not scene.is_empty
    assert not is_patient(hasty.request, Monotonic(5.0))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UpstreamClosedError(), ApartReason.FAILED),
        (ValueError(), ApartReason.FAILED),
        (KeyboardInterrupt(), ApartReason.LEFT),
    ],
)
def test_those_who_waited_hear_why_there_is_no_answer(error: BaseException, reason: ApartReason) -> None:
    scene = Scene()
    flight = scene.flight()
    member = scene.member(flight)
    assert scene.exchanges.crashed(flight, error) == [member]
    assert member.outcome.reason is reason
    assert scene.is_empty


def test_one_who_leaves_before_it_wakes_gives_its_share_up() -> None:
    scene = Scene()
    flight, source = scene.flight(), RecordingSource()
    member = scene.member(flight)
    flight.keeps()
    scene.land(flight, make_response(body=BodyStream(None, source)))
    scene.exchanges.left(flight, member)
    assert source.told == ["cancel"]
