from gateway.api import Response
from plugins.compress.forms import FORM_OF, Form
from plugins.compress.kept import FormReplay, Kept
from plugins.compress.policy import Leave, Make
from plugins.compress.reasons import CompressReason
from plugins.compress.settings import Coding
from tests.support.compressing import Replay, Stored, is_replayed
from tests.support.plugins import make_response, pairs

BR = Make(FORM_OF[Coding.BR], Coding.BR, None, CompressReason.COMPRESSED)


def kept_in(stored: Stored, counted: list[int] | None = None) -> Kept:
    return Kept("br", stored, BR, b"coded", 2, None, lambda kept, times: (counted or []).append(times))


def with_replay(replay: Replay) -> Response:
    response = make_response()
    response.replay = replay
    return response


def test_it_knows_its_form() -> None:
    kept = kept_in(Stored())
    assert (kept.form, kept.is_other) == (Form.BR, True)
    as_it_is = Kept("as_is", Stored(), Leave(CompressReason.TYPE, varies=False), b"", 0, None, lambda *_: None)
    assert (as_it_is.form, as_it_is.is_other) == (Form.AS_IS, False)


def test_what_it_takes_is_counted_but_not_what_the_store_has_already() -> None:
    stored = Stored()
    fields = stored.answer().fields
    kept = kept_in(stored)
    kept.body = bytes(10_000)
    as_it_is = Kept("as_is", stored, Leave(CompressReason.TYPE, varies=False), stored.body, 0, None, lambda *_: None)
    assert 20_000 + len(fields.encode()) < kept.octets(fields) < 24_000  # the content, and a copy behind a head
    stored.body = as_it_is.body = kept.body
    assert as_it_is.octets(fields) == kept.octets(fields) - 10_000
    kept.body = bytes(100_000)
    assert 100_000 < kept.octets(fields) < 104_000


def test_fields_are_dressed_once_for_answers_with_the_very_same_ones() -> None:
    stored = Stored()
    kept = kept_in(stored)
    first = stored.answer()
    assert not kept.fits(first.fields)
    before = first.fields.wire
    first.fields.add(b"Content-Encoding", b"br")
    kept.dress(before, first.fields)
    second = stored.answer()
    assert kept.fits(second.fields)
    assert pairs(kept.dressed()) == pairs(first.fields)
    assert kept.dressed().encode_with_length(len(kept.body)).endswith(b"Content-Length: 5\r\n")
    second.fields.add(b"X-Other", b"1")
    assert not kept.fits(second.fields)


def test_a_copy_is_the_callers_own() -> None:
    stored = Stored()
    kept = kept_in(stored)
    answer = stored.answer()
    kept.dress(answer.fields.wire, answer.fields)
    kept.dressed().add(b"X-Mine", b"1")
    assert b"x-mine" not in kept.dressed()


def test_fields_that_are_written_for_one_answer_are_not_remembered() -> None:
    kept = kept_in(Stored())
    kept.dress(None, make_response(200, {"X": "1"}).fields)
    assert not kept.fits(make_response(200, {"X": "1"}).fields)


def test_a_replay_reads_accept_encoding_and_counts_its_uses() -> None:
    inner, counted = Replay(), list[int]()
    replay = FormReplay(inner, counted.append)
    replay.used(3)
    assert (inner.uses, counted) == (3, [3])
    assert replay.reads == {b"accept-language", b"accept-encoding"}
    assert replay.until == inner.until
    assert replay.lines(5.0) == (b"Age: 1\r\n", 6.0)


def test_answers_from_one_stored_response_share_a_replay_until_it_ends() -> None:
    stored, inner = Stored(), Replay()
    kept = kept_in(stored)
    one, two = with_replay(inner), with_replay(inner)
    kept.let_replay(one)
    kept.let_replay(two)
    assert one.replay is two.replay
    assert is_replayed(one)
    assert len(stored.waiting) == 1
    stored.end()
    assert not is_replayed(one)
    three = with_replay(Replay())
    kept.let_replay(three)
    assert three.replay is not one.replay


def test_a_better_form_ends_the_replay() -> None:
    kept, answer = kept_in(Stored()), with_replay(Replay())
    kept.let_replay(answer)
    kept.end()
    assert answer.replay is not None
    assert not is_replayed(answer)


def test_what_becomes_of_a_shared_answer_is_shared_as_well() -> None:
    stored = Stored()
    kept, came, own = kept_in(stored), stored.answer(), stored.answer()
    assert kept.shared(came) is None
    kept.share(came, own)
    assert own.shared
    assert kept.shared(came) is own
    assert kept.shared(stored.answer()) is None  # a second later


def test_what_may_not_be_replayed_is_not() -> None:
    answer = make_response()
    kept_in(Stored()).let_replay(answer)
    assert answer.replay is None


def test_the_replay_of_something_that_ended_meanwhile_is_dead_from_the_start() -> None:
    inner = Replay()
    inner.alive = False
    answer = with_replay(inner)
    kept_in(Stored()).let_replay(answer)
    assert answer.replay is not None
    assert not is_replayed(answer)
