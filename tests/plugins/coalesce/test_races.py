"""Readers of random paces on one answer: whatever they do, what they get is right, memory keeps to its limits, and all
who do not leave get all of it."""

from __future__ import annotations

from random import Random

import pytest

from gateway.api import BodyStream
from plugins.coalesce.budget import Budget
from plugins.coalesce.course import Course
from plugins.coalesce.window import PIECE_OVERHEAD
from tests.support.plugins import make_response
from tests.support.streams import RecordingSink, RecordingSource

SIZE = 60_000
CONTENT = Random(0).randbytes(SIZE)
LARGEST_PIECE = 700
ON_ITS_WAY = LARGEST_PIECE + PIECE_OVERHEAD
"""What an exchange may bring beyond what may be kept, before it is told to stop."""


class Upstream:
    """One exchange: feeds what is left of the content while nobody stops it."""

    def __init__(self, random: Random, offset: int) -> None:
        self.source = RecordingSource()
        self.stream = BodyStream(None, self.source)
        self._random = random
        self._at = offset

    def step(self) -> bool:
        """Feed a piece; False when there is nothing to do."""
        if self.stream.end is not None or self.source.paused:
            return False
        if self._at == SIZE:
            self.stream.finish()
            return True
        size = self._random.randrange(1, LARGEST_PIECE)
        piece = CONTENT[self._at : self._at + size]
        self._at += len(piece)
        self.stream.feed(piece)
        return True


class Wish:
    """A further exchange that is wanted, until somebody makes it."""

    def __init__(self) -> None:
        self.is_open = True

    def cancel(self) -> None:
        self.is_open = False


class Race:
    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.has_validator = random.random() < 0.5
        self.buffer = random.choice([3_000, 10_000])
        self.budget = Budget()
        self.budget.join(self, random.choice([4_000, 40_000]))
        self.most = random.choice([0, 1, 3, 8])
        self.wishes: list[Wish] = []
        self.lost = 0
        self.upstreams = [Upstream(random, 0)]
        self.course = Course(
            self.upstreams[0].stream,
            make_response(200, {"ETag": '"a"'} if self.has_validator else {}),
            buffer=self.buffer,
            budget=self.budget,
            most=self.most,
            ask=self._ask,
            closed=lambda course: None,
            lost=self._lose,
        )
        readers = random.randrange(2, 12)
        self.eagerness = [random.random() ** 2 for _ in range(readers)]
        self.sinks = [RecordingSink() for _ in range(readers)]
        self.bodies = [self.course.branch() for _ in range(readers)]
        self.course.begin(for_newcomers=random.random() < 0.5)
        for number in range(readers):
            self.bodies[number].attach(self.sinks[number])
        self.left: set[int] = set()

    def _ask(self, course: Course) -> Wish:
        self.wishes.append(Wish())
        return self.wishes[-1]

    def _lose(self, number: int) -> None:
        self.lost += number

    def step(self) -> bool:
        """Something happens; False when nothing can."""
        random = self.random
        moved = sum(upstream.step() for upstream in self.upstreams) > 0
        for number, eager in enumerate(self.eagerness):
            if random.random() < 0.3:
                if random.random() < eager:
                    self.bodies[number].resume()
                else:
                    self.bodies[number].pause()
        if random.random() < 0.01:
            number = random.randrange(len(self.bodies))
            self.bodies[number].abort()
            self.left.add(number)
        if random.random() < 0.02 and self.course.may_join:
            self.sinks.append(RecordingSink())
            self.bodies.append(self.course.join())
            self.bodies[-1].attach(self.sinks[-1])
            self.eagerness.append(random.random())
        return self.go_on() or moved

    def go_on(self) -> bool:
        """Make an exchange that is wanted."""
        wish = next((wish for wish in self.wishes if wish.is_open), None)
        if wish is None:
            return False
        wish.is_open = False
        wanted = self.course.wanted_from
        assert wanted is not None
        offset = wanted if self.has_validator else 0
        upstream = Upstream(self.random, offset)
        self.upstreams.append(upstream)
        self.course.go_on(upstream.stream, offset)
        return True

    def check(self) -> None:
        live = sum(upstream.stream.end is None for upstream in self.upstreams)
        assert live <= 1 + self.most
        assert self.budget.used <= self.budget.limit + (1 + len(self.upstreams)) * ON_ITS_WAY
        for sink in self.sinks:
            assert sink.data == CONTENT[: len(sink.data)]


@pytest.mark.parametrize("seed", range(150))
def test_all_who_stay_get_all_of_it(seed: int) -> None:
    race = Race(seed)
    for _ in range(600):
        race.step()
        race.check()
    for _ in range(5_000):
        for body in race.bodies:
            body.resume()
        moved = sum(upstream.step() for upstream in race.upstreams) > 0
        race.check()
        if not race.go_on() and not moved:
            break
    for number, sink in enumerate(race.sinks):
        if number not in race.left:
            assert (sink.ends, len(sink.data)) == (["finish"], SIZE)
    assert race.lost == 0
    assert race.budget.used == 0
    assert all(upstream.stream.end is not None for upstream in race.upstreams)


def test_the_races_are_worth_running() -> None:
    """Slow readers do need further exchanges in them, of both kinds."""
    further = {True: 0, False: 0}
    for seed in range(60):
        race = Race(seed)
        for _ in range(600):
            race.step()
        further[race.has_validator] += len(race.upstreams) - 1
    assert min(further.values()) > 20
