from gateway.api import BodyStream, Fields, StreamAbortedError, StreamEnd
from plugins.coalesce.budget import Budget
from plugins.coalesce.spread import Branch, Spread
from plugins.coalesce.window import Window
from tests.support.streams import RecordingSink, RecordingSource


class Owner:
    """Takes note of what a spread says."""

    def __init__(self) -> None:
        self.behind: list[tuple[Branch, int]] = []
        self.ends = 0
        self.must_pace = False

    def fell_behind(self, branches: list[Branch], offset: int, digest: bytes | None) -> None:
        self.behind += [(branch, offset + branch.skip) for branch in branches]

    def paces(self, spread: Spread) -> bool:
        return self.must_pace

    def ended(self, spread: Spread) -> None:
        self.ends += 1

    def leave(self, branch: Branch) -> None:
        self.behind = [each for each in self.behind if each[0] is not branch]


class Stage:
    """A spread with readers."""

    def __init__(self, readers: int, *, buffer: int = 300, memory: int = 10_000, offset: int = 0) -> None:
        self.source = RecordingSource()
        self.stream = BodyStream(None, self.source)
        self.budget = Budget()
        self.budget.join(self, memory)
        self.owner = Owner()
        self.spread = Spread(self.stream, Window(offset), buffer, self.budget, self.owner)
        self.branches = [Branch(None) for _ in range(readers)]
        self.sinks = [RecordingSink() for _ in range(readers)]
        for branch, sink in zip(self.branches, self.sinks, strict=True):
            self.spread.add(branch)
            branch.stream.attach(sink)
        self.spread.begin()

    @property
    def got(self) -> list[bytes]:
        return [sink.data for sink in self.sinks]


def test_all_get_everything_at_once_and_nothing_is_kept() -> None:
    stage = Stage(3)
    for piece in (b"a", b"b"):
        stage.stream.feed(piece)
        assert stage.budget.used == 0
    stage.stream.finish(trailers := Fields([(b"X", b"1")]))
    assert stage.got == [b"ab"] * 3
    assert [sink.ends for sink in stage.sinks] == [["finish"]] * 3
    assert stage.sinks[0].trailers is trailers
    assert stage.owner.ends >= 1


def test_what_a_slow_one_lacks_is_kept_once_and_given_when_it_can_take_it() -> None:
    stage = Stage(3)
    stage.branches[1].pause()
    stage.branches[2].pause()
    stage.stream.feed(b"x" * 10)
    stage.stream.feed(b"y" * 10)
    assert stage.budget.used == 20 + 2 * 64
    stage.branches[1].resume()
    assert stage.got[1] == b"x" * 10 + b"y" * 10
    assert stage.budget.used > 0
    stage.branches[2].resume()
    assert stage.budget.used == 0
    assert stage.source.told == []


def test_who_pauses_in_the_middle_of_catching_up_gets_no_more_until_it_goes_on() -> None:
    stage = Stage(2)
    slow = stage.branches[0]
    slow.pause()
    for piece in (b"a", b"b", b"c"):
        stage.stream.feed(piece)
    stage.sinks[0].on_feed = lambda data: slow.pause()
    slow.resume()
    assert stage.got[0] == b"a"
    slow.resume()
    assert stage.got[0] == b"ab"

    def hesitates(data: bytes) -> None:
        slow.pause()
        slow.resume()

    stage.sinks[0].on_feed = hesitates
    slow.resume()
    assert stage.got[0] == b"abc"


def test_the_source_stops_only_when_all_are_slow() -> None:
    stage = Stage(2)
    stage.branches[0].pause()
    assert stage.source.told == []
    stage.branches[1].pause()
    assert stage.source.told == ["pause"]
    stage.branches[0].resume()
    assert stage.source.told == ["pause", "resume"]


def test_the_slowest_are_let_go_above_the_buffer_and_all_they_need_is_forgotten() -> None:
    stage = Stage(4, buffer=300)
    stage.branches[0].pause()
    stage.branches[1].pause()
    stage.stream.feed(b"x" * 100)
    stage.branches[2].pause()
    stage.stream.feed(b"y" * 100)
    assert stage.owner.behind == [(stage.branches[0], 0), (stage.branches[1], 0)]
    assert stage.budget.used == 164
    stage.stream.feed(b"z" * 200)
    assert stage.owner.behind[2:] == [(stage.branches[2], 100)]
    assert stage.budget.used == 0
    assert stage.got[3] == b"x" * 100 + b"y" * 100 + b"z" * 200


def test_nobody_is_let_go_when_all_are_equally_slow() -> None:
    stage = Stage(2, buffer=300)
    for branch in stage.branches:
        branch.pause()
    stage.stream.feed(b"x" * 1000)
    assert stage.owner.behind == []
    assert stage.source.paused


def test_where_it_must_it_waits_for_the_slowest() -> None:
    stage = Stage(2, buffer=300)
    stage.owner.must_pace = True
    stage.branches[0].pause()
    stage.stream.feed(b"x" * 400)
    assert stage.source.told == ["pause"]
    assert stage.owner.behind == []
    stage.branches[0].resume()
    assert stage.source.told == ["pause", "resume"]
    assert stage.got == [b"x" * 400] * 2


def test_when_the_memory_is_full_the_slowest_are_let_go_sooner() -> None:
    stage = Stage(2, buffer=300, memory=100)
    stage.branches[0].pause()
    stage.stream.feed(b"x" * 50)
    assert stage.owner.behind == [(stage.branches[0], 0)]
    assert stage.budget.used == 0


def test_what_is_kept_for_newcomers_goes_before_any_reader_does() -> None:
    stage = Stage(2, buffer=300)
    stage.spread.keep_all()
    stage.stream.feed(b"x" * 100)
    assert stage.budget.used == 164
    stage.branches[0].pause()
    stage.stream.feed(b"y" * 100)
    assert not stage.spread.keeps_all
    assert stage.owner.behind == []
    assert stage.budget.used == 164


def test_a_newcomer_gets_all_that_was_kept() -> None:
    stage = Stage(1)
    stage.spread.keep_all()
    stage.stream.feed(b"old ")
    branch, sink = Branch(None), RecordingSink()
    branch.stream.attach(sink)
    stage.spread.add(branch)
    stage.spread.catch_up(branch)
    stage.stream.feed(b"new")
    assert sink.data == b"old new"
    stage.spread.release()
    assert stage.budget.used == 0


def test_a_reader_from_elsewhere_goes_on_where_it_stopped() -> None:
    stage = Stage(1, offset=100)
    stage.branches[0].pause()
    stage.stream.feed(b"0123456789")
    for offset, expected in ((100, b"0123456789abc"), (105, b"56789abc"), (110, b"abc"), (112, b"c")):
        branch, sink = Branch(None), RecordingSink()
        branch.stream.attach(sink)
        assert stage.spread.takes(offset)
        stage.spread.adopt(branch, offset)
        stage.sinks.append(sink)
        stage.branches.append(branch)
        sink.pieces.append(b"")
        assert sink.data == expected[: len(expected) - 3]
    stage.stream.feed(b"abc")
    assert stage.got[1:] == [b"0123456789abc", b"56789abc", b"abc", b"c"]
    assert not stage.spread.takes(99)


def test_while_a_reader_skips_it_is_never_the_one_to_wait_for() -> None:
    stage = Stage(0)
    branch, sink = Branch(None), RecordingSink()
    branch.stream.attach(sink)
    branch.pause()
    stage.spread.adopt(branch, 10)
    assert stage.source.told == []
    stage.stream.feed(b"x" * 8)
    assert stage.source.told == []
    stage.stream.feed(b"y" * 8)
    assert stage.source.paused, "now it would have to take something"
    branch.resume()
    assert sink.data == b"y" * 6


def test_who_leaves_is_not_waited_for_and_the_last_one_takes_the_source_along() -> None:
    stage = Stage(2)
    stage.branches[0].pause()
    stage.stream.feed(b"x")
    stage.branches[0].stream.abort()
    assert stage.budget.used == 0
    assert stage.source.told == []
    stage.branches[1].stream.abort()
    assert stage.source.told == ["cancel"]
    assert stage.owner.ends == 1


def test_who_leaves_while_it_is_fed_disturbs_nobody() -> None:
    stage = Stage(3)
    stage.sinks[0].on_feed = lambda data: stage.branches[1].stream.abort()
    stage.stream.feed(b"x")
    stage.stream.feed(b"y")
    assert stage.got == [b"xy", b"", b"xy"]


def test_an_error_comes_behind_what_came_before_it() -> None:
    stage = Stage(2)
    stage.branches[0].pause()
    stage.stream.feed(b"x")
    error = StreamAbortedError("gone")
    stage.stream.fail(error)
    assert [sink.ends for sink in stage.sinks] == [[], ["fail"]]
    stage.branches[0].resume()
    assert stage.got[0] == b"x"
    assert stage.sinks[0].error is error
    assert stage.budget.used == 0


def test_a_source_that_somebody_else_aborts_fails_for_all() -> None:
    stage = Stage(2)
    stage.stream.feed(b"x")
    stage.stream.abort()
    assert [sink.ends for sink in stage.sinks] == [["fail"]] * 2


def test_those_for_whom_nothing_new_comes_can_be_let_go() -> None:
    stage = Stage(1)
    branch = Branch(None)
    stage.spread.adopt(branch, 50)
    stage.stream.feed(b"x" * 10)
    assert stage.spread.let_go_waiting() == [branch]
    assert stage.spread.let_go_waiting() == []
    stage.stream.feed(b"y" * 100)
    assert branch.stream.end is None


def test_a_rest_that_ends_too_soon_is_no_end() -> None:
    stage = Stage(1)
    branch, sink = Branch(None), RecordingSink()
    branch.stream.attach(sink)
    stage.spread.adopt(branch, 50)
    stage.stream.feed(b"x" * 10)
    stage.stream.finish()
    assert sink.ends == ["fail"]
    assert branch.stream.end is StreamEnd.FAILED
