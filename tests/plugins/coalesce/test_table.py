from typing import Any

from gateway.api import Monotonic
from plugins.coalesce.asked import Asked, asked_by
from plugins.coalesce.flight import Flight
from plugins.coalesce.key import Keyer
from plugins.coalesce.known import Fact, Known
from plugins.coalesce.reasons import ApartReason
from plugins.coalesce.settings import CoalesceSettings
from plugins.coalesce.table import Table
from tests.support.plugins import make_request

NOW = Monotonic(0.0)
LATER = Monotonic(100.0)
ALICE, BOB = {"Cookie": "id=alice"}, {"Cookie": "id=bob"}


def table() -> Table:
    return Table(Keyer(CoalesceSettings()), Known())


def asked(fields: dict[str, str] | None = None, **how: Any) -> Asked:
    return asked_by(make_request(fields=fields or {}, **how))


def alone(where: Table, fields: dict[str, str] | None = None, **how: Any) -> Flight:
    """A flight that found nobody, entered as the plugin does."""
    flight = Flight(make_request(fields=fields or {}, **how), 0)
    assert flight.asked.target not in where.flights
    where.flights[flight.asked.target] = flight
    return flight


def enter(where: Table, fields: dict[str, str] | None = None, **how: Any) -> Flight:
    flight = Flight(make_request(fields=fields or {}, **how), 0)
    where.enter(flight, where.find(flight.asked, NOW), NOW)
    return flight


def test_one_like_it_to_the_octet_is_found_without_taking_it_apart() -> None:
    where = table()
    flight = alone(where, ALICE)
    place = where.find(asked(ALICE), NOW)
    assert (place.flight, place.parts, flight.parts) == (flight, None, None)


def test_one_for_the_same_is_found_though_ignored_fields_differ() -> None:
    where = table()
    flight = alone(where, {"User-Agent": "a"})
    place = where.find(asked({"User-Agent": "b"}), NOW)
    assert place.flight is flight
    assert place.parts is not None


def test_one_for_something_else_is_not_found() -> None:
    where = table()
    alone(where, ALICE)
    assert where.find(asked(BOB), NOW).flight is None
    assert where.find(asked(), NOW).flight is None
    assert where.find(asked(ALICE, target="/b"), NOW).flight is None


def test_several_with_one_target_are_told_apart() -> None:
    where = table()
    flights = [alone(where, ALICE), enter(where, BOB), enter(where), enter(where, target="/b")]
    assert where.find(asked(ALICE), NOW).flight is flights[0]
    assert where.find(asked(BOB), NOW).flight is flights[1]
    assert where.find(asked(), NOW).flight is flights[2]
    assert set(where) == set(flights)
    for flight in flights:
        where.remove(flight)
        where.remove(flight)
    assert where.flights == {}


def test_a_newer_one_takes_the_place_of_an_older_one() -> None:
    where = table()
    first = alone(where, ALICE)
    second = enter(where, ALICE)
    assert where.find(asked(ALICE), NOW).flight is second
    where.remove(first)
    assert where.find(asked(ALICE), NOW).flight is second
    third = enter(where, ALICE)
    where.remove(second)
    assert where.find(asked(ALICE), NOW).flight is third


def test_what_is_known_to_be_for_everybody_is_found_by_everybody() -> None:
    where = table()
    common = where.find(asked(ALICE), NOW).parts
    assert common is not None
    where.known.learn(b"/", common.common, Fact(LATER, for_everybody=True))
    flight = alone(where, ALICE)
    assert where.find(asked(BOB), NOW).flight is flight
    assert where.find(asked(), NOW).flight is flight
    assert where.find(asked(BOB), LATER).flight is None


def test_what_is_known_to_differ_is_told_apart() -> None:
    where = table()
    parts = where.find(asked(), NOW).parts
    assert parts is not None
    where.known.learn(b"/", parts.common, Fact(LATER, vary=(b"user-agent",)))
    flight = alone(where, {"User-Agent": "a"})
    assert where.find(asked({"User-Agent": "a"}), NOW).flight is flight
    assert where.find(asked({"User-Agent": "b"}), NOW).flight is None


def test_what_is_known_to_be_for_one_client_is_said() -> None:
    where = table()
    parts = where.find(asked(), NOW).parts
    assert parts is not None
    fact = Fact(LATER, apart=ApartReason.SET_COOKIE)
    where.known.learn(b"/", parts.common, fact)
    alone(where)
    assert where.find(asked(), NOW).fact is fact


def test_a_flight_keeps_its_place_when_something_is_learnt_meanwhile() -> None:
    where = table()
    flight = enter(where, ALICE)
    parts = where.parts_of(flight)
    where.known.learn(b"/", parts.common, Fact(LATER, for_everybody=True))
    assert where.find(asked(BOB), NOW).flight is None
    where.remove(flight)
    assert where.flights == {}


def test_looking_changes_nothing() -> None:
    where = table()
    flight = alone(where, ALICE)
    where.find(asked(BOB), NOW)
    assert where.flights == {b"/": flight}
    assert (flight.key, flight.parts) == (None, None)
