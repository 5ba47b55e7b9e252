from gateway.api import BodyStream, StreamEnd
from plugins.coalesce.budget import Budget
from plugins.coalesce.course import Course
from plugins.coalesce.spread import Branch
from tests.support.plugins import make_response
from tests.support.streams import RecordingSink, RecordingSource

TAGGED = {"ETag": '"a"'}
PIECE = 1000


class Asking:
    """A further exchange that was asked for."""

    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Race:
    """Readers of one answer, which a test lets run at their paces. Octet n of the content is n modulo 251."""

    def __init__(
        self, readers: int, *, fields: dict[str, str] | None = None, most: int = 8, buffer: int = 3500
    ) -> None:
        self.asked: list[Asking] = []
        self.closed = 0
        self.lost = 0
        self.budget = Budget()
        self.budget.join(self, 1 << 20)
        self.source = RecordingSource()
        self.stream = BodyStream(None, self.source)
        self.course = Course(
            self.stream,
            make_response(200, TAGGED if fields is None else fields),
            buffer=buffer,
            budget=self.budget,
            most=most,
            ask=self._ask,
            closed=self._close,
            lost=self._lose,
        )
        self.sinks = [RecordingSink() for _ in range(readers)]
        self.bodies = [self.course.branch() for _ in range(readers)]
        self.course.begin(for_newcomers=False)
        for body, sink in zip(self.bodies, self.sinks, strict=True):
            body.attach(sink)

    def _ask(self, course: Course) -> Asking:
        self.asked.append(Asking())
        return self.asked[-1]

    def _close(self, course: Course) -> None:
        self.closed += 1

    def _lose(self, number: int) -> None:
        self.lost += number

    def run(self, pieces: int, *, stream: BodyStream | None = None, start: int = 0) -> None:
        for number in range(start, start + pieces):
            (stream or self.stream).feed(octets(number * PIECE, PIECE))

    def go_on(self, offset: int) -> BodyStream:
        stream = BodyStream(None, RecordingSource())
        self.course.go_on(stream, offset)
        return stream

    @property
    def got(self) -> list[int]:
        """Octets that each reader has, all of them right."""
        for sink in self.sinks:
            assert sink.data == octets(0, len(sink.data))
        return [len(sink.data) for sink in self.sinks]


def octets(start: int, count: int) -> bytes:
    return bytes(number % 251 for number in range(start, start + count))


def paused(race: Race, *which: int) -> None:
    for number in which:
        race.bodies[number].pause()


def resumed(race: Race, *which: int) -> None:
    for number in which:
        race.bodies[number].resume()


def test_those_who_fall_behind_together_need_one_exchange() -> None:
    race = Race(4)
    race.run(1)
    paused(race, 1, 2, 3)
    race.run(5, start=1)
    assert race.got == [6000, 1000, 1000, 1000]
    assert (len(race.asked), race.course.wanted_from) == (1, 1000)
    second = race.go_on(1000)
    resumed(race, 1, 2, 3)
    race.run(6, stream=second, start=1)
    race.run(1, start=6)
    assert race.got == [7000] * 4
    second.finish()
    race.stream.finish()
    assert [sink.ends for sink in race.sinks] == [["finish"]] * 4
    assert race.budget.used == 0


def test_those_who_come_while_one_is_asked_for_share_it_at_their_own_places() -> None:
    race = Race(3)
    paused(race, 1)
    race.run(3)
    paused(race, 2)
    race.run(1, start=3)
    assert race.course.wanted_from == 0
    race.run(4, start=4)
    assert (len(race.asked), sorted(race.course.behind.values())) == (1, [0, 3000])
    second = race.go_on(0)
    resumed(race, 1, 2)
    race.run(8, stream=second)
    assert race.got == [8000] * 3
    assert len(race.asked) == 1


def test_one_who_falls_behind_later_is_taken_by_the_exchange_that_is_there() -> None:
    race = Race(3)
    paused(race, 1)
    race.run(4)
    second = race.go_on(0)
    resumed(race, 1)
    race.run(2, stream=second)
    paused(race, 2)
    race.run(5, start=4)
    assert len(race.asked) == 1
    assert race.course.behind == {}
    resumed(race, 2)
    race.run(7, stream=second, start=2)
    assert race.got == [9000] * 3


def test_one_whose_place_lies_before_the_next_exchange_waits_for_another_one() -> None:
    race = Race(2)
    race.run(1)
    paused(race, 1)
    race.run(4, start=1)
    third = race.go_on(3000)
    assert third.end is StreamEnd.ABORTED
    assert (race.course.wanted_from, len(race.asked)) == (1000, 2)


def test_when_no_more_are_allowed_the_last_exchange_waits_for_its_slowest_reader() -> None:
    race = Race(3, most=1)
    paused(race, 1, 2)
    race.run(4)
    source = RecordingSource()
    second = BodyStream(None, source)
    race.course.go_on(second, 0)
    resumed(race, 1)
    race.run(4, stream=second)
    assert race.got == [4000, 4000, 0]
    assert source.told[-1] == "pause"
    assert len(race.asked) == 1
    resumed(race, 2)
    assert source.told[-1] == "resume"
    assert race.got == [4000] * 3


def test_a_stream_that_cannot_go_on_breaks_off_for_the_slow() -> None:
    race = Race(2, fields={"Content-Type": "text/event-stream"})
    paused(race, 1)
    race.run(4)
    assert (race.lost, race.asked) == (1, [])
    assert race.sinks[1].ends == ["fail"]
    assert race.got == [4000, 0]


def test_when_the_last_one_who_waits_leaves_the_exchange_is_not_wanted_any_more() -> None:
    race = Race(3)
    paused(race, 1, 2)
    race.run(4)
    cancelled = []
    for number in (1, 2):
        race.bodies[number].abort()
        cancelled.append(race.asked[0].cancelled)
    assert cancelled == [False, True]
    assert race.course.wanted_from is None


def test_when_there_is_no_further_exchange_those_who_wait_break_off() -> None:
    race = Race(3)
    paused(race, 1, 2)
    race.run(4)
    race.course.give_up()
    assert [sink.ends for sink in race.sinks] == [[], ["fail"], ["fail"]]
    assert race.lost == 2
    race.run(1, start=4)
    assert race.got[0] == 5000


def test_an_exchange_whose_readers_have_found_another_way_is_given_up() -> None:
    race = Race(2)
    paused(race, 1)
    race.run(4)
    race.bodies[1].abort()
    source = RecordingSource()
    stream = BodyStream(None, source)
    race.course.go_on(stream, 0)
    assert stream.end is StreamEnd.ABORTED


def without_validator() -> Race:
    race = Race(3, fields={})
    race.run(2)
    paused(race, 1, 2)
    race.run(5, start=2)
    return race


def test_the_same_content_goes_on_without_a_validator() -> None:
    race = without_validator()
    second = race.go_on(0)
    resumed(race, 1, 2)
    for number in range(14):
        second.feed(octets(number * 500, 500))
    assert race.got == [7000] * 3


def test_another_content_does_not() -> None:
    race = without_validator()
    second = race.go_on(0)
    resumed(race, 1, 2)
    second.feed(b"x" + octets(1, 6999))
    assert [sink.ends for sink in race.sinks] == [[], ["fail"], ["fail"]]
    assert race.got == [7000, 2000, 2000]


def test_one_who_falls_behind_again_is_compared_with_the_first_content_still() -> None:
    race = without_validator()
    second = race.go_on(0)
    resumed(race, 1)
    race.run(7, stream=second)
    assert race.got == [7000, 7000, 2000]
    assert len(race.asked) == 2
    third = race.go_on(0)
    resumed(race, 2)
    third.feed(octets(0, 1999) + b"x")
    third.feed(octets(2000, 1000))
    assert race.sinks[2].ends == ["fail"]


def test_who_waits_too_long_for_something_new_breaks_off() -> None:
    race = without_validator()
    stream = BodyStream(None, RecordingSource())
    spread = race.course.go_on(stream, 0)
    race.run(1, stream=stream)
    race.course.expire(spread)
    assert race.lost == 2
    assert stream.end is StreamEnd.ABORTED
    race.course.expire(spread)
    assert race.lost == 2


def test_newcomers_may_join_until_it_is_closed() -> None:
    closed: list[Course] = []
    race = Race(0)
    course = Course(
        stream := BodyStream(None, RecordingSource()),
        make_response(),
        buffer=3500,
        budget=race.budget,
        most=1,
        ask=lambda course: Asking(),
        closed=closed.append,
        lost=lambda number: None,
    )
    first, late = RecordingSink(), RecordingSink()
    course.branch().attach(first)
    course.begin(for_newcomers=True)
    stream.feed(b"abc")
    seen = [course.may_join]
    course.join().attach(late)
    assert late.data == b"abc"
    course.close()
    course.close()
    seen.append(course.may_join)
    assert seen == [True, False]
    assert closed == [course]
    assert race.budget.used == 0


def test_a_branch_knows_its_length() -> None:
    race = Race(1)
    assert isinstance(race.bodies[0], BodyStream)
    assert Branch(7).stream.length == 7
