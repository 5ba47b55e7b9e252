from collections.abc import Callable
from typing import Any

import pytest

from gateway.api import BodyStream, Request, Response
from gateway.figures.registry import Figures
from plugins.compress.dressing import Dresser, First, Pending, Whole, widen
from plugins.compress.errors import ContentCodingError
from plugins.compress.figures import CompressFigures
from plugins.compress.forms import Form
from plugins.compress.planning import plan
from plugins.compress.settings import Coding, CompressSettings
from plugins.compress.workshop import Lateness
from tests.support.coded import content_of, noise_of, reference_decode, reference_encode
from tests.support.compressing import BROWSER, HTML, PAGE, Replay, Stored, is_replayed
from tests.support.plugins import FieldsLike, make_request, make_response
from tests.support.streams import RecordingSink, RecordingSource


class NoTimer:
    def cancel(self) -> None:
        """Nothing was set."""


def no_timer(seconds: float, callback: Callable[[], None]) -> NoTimer:
    return NoTimer()


class Dressed:
    """Dresses answers; what was decided about the latest one is in `trail`."""

    def __init__(self, offered: tuple[Coding, ...] = tuple(Coding), **settings: Any) -> None:
        self.figures = Figures.in_memory()
        self.lateness = Lateness()
        self.dresser = Dresser(
            CompressSettings.model_validate(settings),
            "shop",
            offered,
            CompressFigures(self.figures, "shop"),
            self.lateness,
            lambda: 0.0,
            no_timer,
            lambda kept: None,
        )
        self.trail: list[str] = []

    def finish(
        self,
        response: Response,
        fields: FieldsLike = BROWSER,
        method: str = "GET",
        *,
        may_wait: bool = True,
    ) -> Pending | None:
        request: Request = make_request(method, fields=fields)
        planned = plan(request, self.dresser.clients, self.dresser.policy)
        try:
            return self.dresser.finish(request, planned, response, may_wait=may_wait)
        finally:
            self.trail = [str(decision.reason.value) for decision in request.trail]

    def at_once(self, response: Response, fields: FieldsLike = BROWSER, method: str = "GET") -> Response:
        assert self.finish(response, fields, method) is None
        return response


def field(response: Response, name: str) -> str | None:
    value = response.fields.get(name.lower().encode())
    return value.decode() if value is not None else None


def test_content_at_hand_is_coded_at_once() -> None:
    dressed = Dressed()
    response = dressed.at_once(make_response(200, HTML, PAGE))
    assert content_of(response) == PAGE
    assert (field(response, "Content-Encoding"), field(response, "ETag")) == ("zstd", '"a-zstd"')
    assert field(response, "Vary") == "Accept-Encoding"
    assert dressed.trail == ["compressed"]
    assert dressed.figures.value("compress_bytes_total", route="shop", coding="zstd", side="before") == len(PAGE)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_each_coding_can_be_had(coding: str) -> None:
    response = Dressed().at_once(make_response(200, HTML, PAGE), {"Accept-Encoding": coding})
    assert (field(response, "Content-Encoding"), content_of(response)) == (coding, PAGE)


def test_what_is_left_says_that_it_varies_only_where_it_does() -> None:
    dressed = Dressed()
    response = dressed.at_once(make_response(200, HTML, PAGE), {})
    assert (response.body, field(response, "Vary"), dressed.trail) == (PAGE, "Accept-Encoding", ["not_accepted"])
    response = dressed.at_once(make_response(200, {"Content-Type": "image/png"}, PAGE))
    assert (response.body, field(response, "Vary"), dressed.trail) == (PAGE, None, ["type"])


def test_content_that_gets_no_smaller_is_left() -> None:
    dressed = Dressed()
    response = dressed.at_once(make_response(200, HTML, noise_of(5_000)))
    assert (response.body, dressed.trail) == (noise_of(5_000), ["not_smaller"])
    assert (field(response, "Content-Encoding"), field(response, "ETag")) == (None, '"a"')


def test_large_content_is_for_a_thread_where_that_may_be_waited_for() -> None:
    dressed = Dressed(inline_up_to=1_000)
    response = make_response(200, HTML, PAGE)
    pending = dressed.finish(response)
    assert isinstance(pending, Whole)
    assert (pending.wanted.form, pending.level) == (Form.ZSTD, 3)
    assert dressed.finish(response, may_wait=False) is None
    assert (response.body, dressed.trail) == (PAGE, ["busy"])


def test_coded_content_is_for_a_thread_much_sooner() -> None:
    coded = reference_encode(Coding.GZIP, PAGE)
    dressed = Dressed(inline_up_to=4 * len(coded))
    fields = {**HTML, "Content-Encoding": "gzip"}
    assert isinstance(dressed.finish(make_response(200, fields, coded), {}), Whole)
    dressed = Dressed(inline_up_to=8 * len(coded))
    assert dressed.at_once(make_response(200, fields, coded), {}).body == PAGE


def test_a_busy_worker_compresses_less_and_then_not_at_all() -> None:
    dressed = Dressed(inline_up_to=0, busy_after="10ms")
    dressed.lateness.observe(0.02)
    pending = dressed.finish(make_response(200, HTML, PAGE))
    assert isinstance(pending, Whole)
    assert pending.level == 1
    dressed.lateness.observe(0.05)
    response = make_response(200, HTML, PAGE)
    response.replay = Replay()
    assert dressed.finish(response) is None
    assert (response.body, dressed.trail) == (PAGE, ["busy"])
    assert not is_replayed(response)
    assert isinstance(dressed.finish(make_response(200, HTML, PAGE), {"Accept-Encoding": "br, identity;q=0"}), Whole)
    stream = make_response(200, HTML, BodyStream())
    assert dressed.finish(stream) is None
    assert field(stream, "Content-Encoding") is None


def test_head_is_described_like_get() -> None:
    dressed = Dressed()
    head = make_response(200, HTML)
    head.described_length = len(PAGE)
    described = dressed.at_once(head, method="HEAD")
    assert (field(head, "Content-Encoding"), field(head, "ETag")) == ("zstd", '"a-zstd"')
    assert described.described_length is None
    small = make_response(200, HTML)
    small.described_length = 100
    dressed.at_once(small, method="HEAD")
    assert (small.described_length, dressed.trail) == (100, ["small"])


def test_head_has_the_length_where_it_is_known() -> None:
    dressed, stored = Dressed(), Stored()
    body = dressed.at_once(stored.answer()).body
    assert isinstance(body, bytes)
    head = stored.answer()
    head.body = b""
    dressed.at_once(head, method="HEAD")
    assert (head.described_length, head.body, field(head, "ETag")) == (len(body), b"", '"a-zstd"')


def test_head_of_what_got_no_smaller_is_as_it_is() -> None:
    dressed, stored = Dressed(), Stored(noise_of(5_000))
    dressed.at_once(stored.answer())
    head = stored.answer()
    head.body, head.described_length = b"", 5_000
    dressed.at_once(head, method="HEAD")
    assert (field(head, "Content-Encoding"), head.described_length, dressed.trail) == (None, 5_000, ["not_smaller"])


def test_stored_content_is_coded_once() -> None:
    dressed, stored = Dressed(), Stored()
    first = dressed.at_once(stored.answer())
    assert dressed.trail == ["compressed"]
    second = dressed.at_once(stored.answer())
    assert dressed.trail == ["kept"]
    assert first.body is second.body
    assert first.replay is second.replay
    octets = dressed.figures.value("compress_bytes_total", route="shop", coding="zstd", side="before")
    assert octets == 2 * len(PAGE)  # two answers, however often it was made


def test_a_stored_response_with_new_fields_keeps_its_coded_content() -> None:
    dressed, stored = Dressed(), Stored()
    first = dressed.at_once(stored.answer())
    stored.fields.set(b"ETag", b'"b"')
    second = dressed.at_once(stored.answer())
    assert (first.body is second.body, field(second, "ETag"), dressed.trail) == (True, '"b-zstd"', ["kept"])


def test_an_answer_that_somebody_has_changed_is_not_what_was_stored() -> None:
    dressed, stored = Dressed(), Stored()
    dressed.at_once(stored.answer())
    changed = stored.answer()
    changed.body = PAGE + b"and more"
    assert content_of(dressed.at_once(changed)) == PAGE + b"and more"


def test_what_cannot_be_kept_is_not_replayed() -> None:
    stored = Stored(room=100)
    response = Dressed().at_once(stored.answer())
    assert content_of(response) == PAGE
    assert response.replay is None


def test_that_it_gets_no_smaller_is_remembered() -> None:
    dressed, stored = Dressed(), Stored(noise_of(5_000))
    for _ in range(2):
        response = dressed.at_once(stored.answer())
        assert dressed.trail == ["not_smaller"]
        assert response.replay is not None
        assert b"accept-encoding" in response.replay.reads
    assert dressed.figures.value("compress_bytes_total", route="shop", coding="zstd", side="before") == 0


def test_requests_for_parts_and_with_cookies_do_not_see_what_is_kept_for_others() -> None:
    dressed, stored = Dressed(skip_cookies=True), Stored()
    dressed.at_once(stored.answer())
    for fields, reason in (({**BROWSER, "Range": "bytes=0-9"}, "range"), ({**BROWSER, "Cookie": "a=b"}, "cookies")):
        response = dressed.at_once(stored.answer(), fields)
        assert (response.body, dressed.trail) == (PAGE, [reason])
    assert content_of(dressed.at_once(stored.answer())) == PAGE
    assert dressed.trail == ["kept"]


def test_streams_are_coded_on_their_way() -> None:
    dressed, sink = Dressed(), RecordingSink()
    stream = BodyStream(len(PAGE), RecordingSource())
    response = dressed.at_once(make_response(200, HTML, stream), {"Accept-Encoding": "gzip"})
    assert isinstance(response.body, BodyStream)
    assert response.body.length is None
    response.body.attach(sink)
    stream.feed(PAGE)
    stream.finish()
    assert reference_decode("gzip", sink.data) == PAGE
    assert dressed.figures.value("compress_bytes_total", route="shop", coding="gzip", side="after") == len(sink.data)


def test_a_small_stream_is_left() -> None:
    stream = BodyStream(10, RecordingSource())
    assert Dressed().at_once(make_response(200, HTML, stream)).body is stream


def test_a_coded_stream_is_only_good_once_some_of_it_could_be_read() -> None:
    stream = BodyStream(None, RecordingSource())
    response = make_response(200, {**HTML, "Content-Encoding": "gzip"}, stream)
    pending = Dressed().finish(response, {})
    assert isinstance(pending, First)
    heard: list[bool] = []
    pending.stream.on_first(lambda: heard.append(True))
    stream.feed(reference_encode(Coding.GZIP, PAGE))
    assert heard == [True]


def test_one_that_is_known_to_be_broken_is_an_error() -> None:
    stream = BodyStream(None, RecordingSource())
    stream.feed(b"this is no gzip at all")
    with pytest.raises(ContentCodingError):
        Dressed().finish(make_response(200, {**HTML, "Content-Encoding": "gzip"}, stream), {})


@pytest.mark.parametrize(("accepts", "coding", "reason"), [(None, None, "decoded"), ("br", "br", "recoded")])
def test_what_the_client_cannot_read_is_decoded(accepts: str | None, coding: str | None, reason: str) -> None:
    dressed = Dressed()
    came = make_response(200, {**HTML, "Content-Encoding": "gzip"}, reference_encode(Coding.GZIP, PAGE))
    response = dressed.at_once(came, {"Accept-Encoding": accepts} if accepts else {})
    assert (field(response, "Content-Encoding"), content_of(response), dressed.trail) == (coding, PAGE, [reason])
    assert field(response, "ETag") == ('"a-br"' if coding else '"a-id"')


def test_stored_content_is_decoded_once() -> None:
    dressed = Dressed()
    stored = Stored(reference_encode(Coding.GZIP, PAGE), {**HTML, "Content-Encoding": "gzip"})
    first, second = dressed.at_once(stored.answer(), {}), dressed.at_once(stored.answer(), {})
    assert first.body is second.body
    assert (content_of(second), dressed.trail) == (PAGE, ["kept"])
    third = dressed.at_once(stored.answer(), {"Accept-Encoding": "gzip"})
    assert (third.body, dressed.trail) == (stored.body, ["coded"])
    assert content_of(dressed.at_once(stored.answer(), {"Accept-Encoding": "br"})) == PAGE
    assert content_of(dressed.at_once(stored.answer(), {})) == PAGE


def test_broken_content_at_hand_is_an_error() -> None:
    with pytest.raises(ContentCodingError):
        Dressed().finish(make_response(200, {**HTML, "Content-Encoding": "gzip"}, PAGE), {})


def test_jitter_is_for_answers_that_are_not_everybodys() -> None:
    dressed = Dressed(jitter=20)
    lengths = {len(field(dressed.at_once(make_response(200, HTML, PAGE)), "X-Padding") or "") for _ in range(200)}
    assert lengths <= set(range(1, 21))
    assert len(lengths) > 5
    assert field(dressed.at_once(Stored().answer()), "X-Padding") is None
    assert field(dressed.at_once(make_response(200, HTML, PAGE), {}), "X-Padding") is None


def test_a_replay_learns_once_that_accept_encoding_counts() -> None:
    response = make_response()
    widen(response)  # nothing to teach
    response.replay = replay = Replay()
    widen(response)
    reads = replay.reads
    widen(response)
    assert replay.reads is reads
    assert reads == {b"accept-language", b"accept-encoding"}


@pytest.mark.parametrize("status", [101, 204, 206])
def test_answers_without_whole_content_pass(status: int) -> None:
    dressed = Dressed()
    response = make_response(status, HTML, b"")
    dressed.at_once(response)
    assert field(response, "Vary") is None
    assert field(response, "ETag") == '"a"'
