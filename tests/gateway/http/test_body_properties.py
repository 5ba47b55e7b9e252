"""Any order of calls, also from within calls: nothing lost, nothing doubled, one end, and nobody waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamBrokenError
from gateway.http.body import HIGH_WATER, BodyStream, StreamEnd
from tests.support.streams import RecordingSink, RecordingSource

HALF = HIGH_WATER // 2 + 1
SIZES = (0, 1, HALF, HIGH_WATER + 1)
LAG = HIGH_WATER

feeds = st.tuples(st.just("feed"), st.sampled_from(SIZES))
words = st.sampled_from(["attach", "pause", "resume", "abort"]).map(lambda word: (word, 0))
ends = st.sampled_from(["finish", "fail"]).map(lambda word: (word, 0))
programs = st.lists(st.one_of(feeds, feeds, words, ends), max_size=14)
reactions = st.lists(st.one_of(words, feeds, ends, st.just(("nothing", 0))), max_size=6)


class Play:
    """A stream, what was fed to it, and a sink that answers each piece with the next of its reactions."""

    def __init__(self, stream: BodyStream, watched: BodyStream, reactions: list[tuple[str, int]]) -> None:
        self.stream, self.watched = stream, watched
        self.sink = RecordingSink(lambda data: self._react())
        self.fed = b""
        self.attached = self.stopped = self.aborted = False
        self._reactions = list(reactions)

    def _react(self) -> None:
        if self._reactions:
            self.do(*self._reactions.pop(0))

    def do(self, word: str, size: int) -> None:
        match word:
            case "feed":
                piece = bytes([len(self.fed) % 251]) * size
                if self.stream.end is None:
                    self.fed += piece
                self.stream.feed(piece)
            case "finish":
                self.stream.finish()
            case "fail":
                self.stream.fail(UpstreamBrokenError())
            case "attach" if not self.attached:
                self.attached = True
                self.watched.attach(self.sink)
            case "pause" if self.attached:
                self.stopped = True
                self.watched.pause()
            case "resume" if self.attached:
                self.stopped = False
                self.watched.resume()
            case "abort" if self.attached:
                self.aborted = True
                self.watched.abort()

    def check(self) -> None:
        assert self.fed.startswith(self.sink.data)
        assert len(self.sink.ends) <= 1
        if self.attached and not self.aborted:
            whole = self.stream.end is StreamEnd.FINISHED
            assert (self.sink.ends == ["finish"]) == whole
            assert self.sink.data == self.fed


@given(programs, reactions)
def test_a_sink_gets_what_was_fed_once_and_in_order(
    program: list[tuple[str, int]], reactions: list[tuple[str, int]]
) -> None:
    source, heard = RecordingSource(), []  # type: RecordingSource, list[StreamEnd]
    stream = BodyStream(None, source)
    stream.on_end(heard.append)
    play = Play(stream, stream, reactions)
    for word, size in program:
        play.do(word, size)
        play.check()
        assert heard == ([] if stream.end is None else [stream.end])
        assert source.told.count("cancel") == (stream.end is StreamEnd.ABORTED)
        if stream.end is None and play.attached:
            assert source.paused == play.stopped
        assert not (source.paused and stream.end in (StreamEnd.FINISHED, StreamEnd.FAILED))


class Shift:
    """Holds every piece back until the next one comes."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        ready, self._held = self._held, data
        return ready

    def finish(self) -> bytes:
        return self._held


@given(programs, reactions)
def test_a_changed_stream_gets_what_was_fed_once_and_in_order(
    program: list[tuple[str, int]], reactions: list[tuple[str, int]]
) -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    play = Play(stream, stream.transform(Shift()), reactions)
    for word, size in program:
        play.do(word, size)
        assert play.fed.startswith(play.sink.data)
        if play.attached and not play.aborted and stream.end is StreamEnd.FINISHED:
            assert (play.sink.data, play.sink.ends) == (play.fed, ["finish"])
        if stream.end is None and play.attached:
            assert source.paused == play.stopped
        assert not (source.paused and stream.end in (StreamEnd.FINISHED, StreamEnd.FAILED))


tee_words = st.tuples(st.sampled_from(["attach", "pause", "resume", "abort"]), st.sampled_from([0, 1]))
tee_programs = st.lists(
    st.one_of(feeds.map(lambda feed: (*feed, 0)), tee_words.map(lambda word: (word[0], 0, word[1]))), max_size=16
)
branch_reactions = st.lists(st.tuples(st.sampled_from(["pause", "resume", "abort", "nothing"]), st.just(0)), max_size=5)


@given(tee_programs, branch_reactions, branch_reactions, st.booleans(), st.sampled_from(["finish", "fail"]))
def test_each_branch_gets_what_was_fed_once_and_in_order(
    program: list[tuple[str, int, int]],
    first: list[tuple[str, int]],
    second: list[tuple[str, int]],
    keep_first: bool,
    end: str,
) -> None:
    source = RecordingSource()
    stream = BodyStream(None, source)
    branches = stream.tee(LAG, keep_first=keep_first)
    plays = (Play(stream, branches[0], first), Play(stream, branches[1], second))
    fed = b""
    for word, size, which in program:
        if word == "feed":
            piece = bytes([len(fed) % 251]) * size
            fed += piece if stream.end is None else b""
            stream.feed(piece)
        else:
            plays[which].do(word, size)
        for play, branch in zip(plays, branches, strict=True):
            assert fed.startswith(play.sink.data)
            assert len(play.sink.ends) <= 1
            if branch.end is None and play.attached and not play.stopped:
                assert play.sink.data == fed
        wants_more = [
            branch.end is None and play.attached and not play.stopped
            for play, branch in zip(plays, branches, strict=True)
        ]
        if any(wants_more) and not (keep_first and branches[0].end is None and not wants_more[0]):
            assert not source.paused, "somebody could take more"
        if keep_first and not plays[0].aborted:
            assert branches[0].end is not StreamEnd.FAILED
    stream.finish() if end == "finish" else stream.fail(UpstreamBrokenError())
    for play, branch in zip(plays, branches, strict=True):
        if play.attached and branch.end is StreamEnd.FINISHED:
            assert (play.sink.data, play.sink.ends) == (fed, ["finish"])
        elif play.attached and not play.aborted:
            assert play.sink.ends == ["fail"]
    assert source.told.count("cancel") <= 1
    assert source.told.count("cancel") or not source.paused
