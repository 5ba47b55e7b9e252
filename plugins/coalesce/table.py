"""Where the exchanges under way are found.

Most requests are alone with their target. They are kept by the target alone, and nobody takes them apart: that is done
when a second request for the target comes."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.api import Monotonic
from plugins.coalesce.asked import Asked
from plugins.coalesce.flight import Flight
from plugins.coalesce.key import Keyer, Parts, agreeing
from plugins.coalesce.known import NOTHING, Fact, Known

Key = tuple[bytes, bytes, bytes]
"""What is asked, who asks (empty where the answers are for everybody), and what is known to matter beside that."""


class Place:
    """What is known about a request before it goes anywhere."""

    __slots__ = ("fact", "flight", "key", "parts")

    def __init__(self, flight: Flight | None, key: Key | None, parts: Parts | None, fact: Fact) -> None:
        self.flight = flight
        """The exchange it might share."""
        self.key = key
        self.parts = parts
        """`None` when it is like the one that is under way, to the octet."""
        self.fact = fact


class Table:
    """The exchanges of a route."""

    def __init__(self, keyer: Keyer, known: Known) -> None:
        self._keyer = keyer
        self.known = known
        self.flights: dict[bytes, Flight | dict[Key, Flight]] = {}
        """By target: the only one, or all of them by their keys."""

    def __iter__(self) -> Iterator[Flight]:
        for found in self.flights.values():
            if isinstance(found, Flight):
                yield found
            else:
                yield from found.values()

    def find(self, asked: Asked, now: Monotonic) -> Place:
        """What is under way for a request. Nothing is changed."""
        found = self.flights.get(asked.target)
        if isinstance(found, Flight):
            if not self.known.has(asked.target) and self._keyer.is_same(asked, found.asked):
                return Place(found, found.key, found.parts, NOTHING)
            parts, fact, key = self._place_of(asked, now)
            if found.key is None:
                _, _, other = self._place_of(found.asked, now)
            else:
                other = found.key
            return Place(found if key == other else None, key, parts, fact)
        parts, fact, key = self._place_of(asked, now)
        return Place(None if found is None else found.get(key), key, parts, fact)

    def parts_of(self, flight: Flight) -> Parts:
        """The parts of what a flight asked."""
        if flight.parts is None:
            flight.parts = self._keyer.parts(flight.asked)
        return flight.parts

    def enter(self, flight: Flight, place: Place, now: Monotonic) -> None:
        """A flight begins, in the place that was found for it. One that was there before is not found any more."""
        target = flight.asked.target
        before = self.flights.get(target)
        if before is None:
            self.flights[target] = flight
            flight.key, flight.parts = place.key, place.parts
            return
        if isinstance(before, Flight):
            if before.key is None:
                before.parts, _, before.key = self._place_of(before.asked, now)
            self.flights[target] = before = {before.key: before}
        if place.key is None:
            place.parts, place.fact, place.key = self._place_of(flight.asked, now)
        flight.key, flight.parts = place.key, place.parts
        before[flight.key] = flight

    def remove(self, flight: Flight) -> None:
        """Nobody finds that flight any more."""
        target = flight.asked.target
        found = self.flights.get(target)
        if found is flight:
            del self.flights[target]
        elif isinstance(found, dict) and found.get(flight.key) is flight:
            del found[flight.key]
            if not found:
                del self.flights[target]

    def _place_of(self, asked: Asked, now: Monotonic) -> tuple[Parts, Fact, Key]:
        parts = self._keyer.parts(asked)
        fact = self.known.recall(asked.target, parts.common, now)
        identity = b"" if fact.for_everybody else parts.identity
        return parts, fact, (parts.common, identity, agreeing(fact.vary, asked))
