import asyncio
import threading
from typing import Any

import pytest

from gateway.api import BodyStream, Request, Response
from plugins.compress import PLUGIN
from plugins.compress import plugin as plugin_module
from plugins.compress.errors import ContentCodingError
from plugins.compress.settings import Coding, CompressSettings
from tests.support.coded import reference_encode, text_of
from tests.support.compressing import BROWSER, FRESH, HTML, PAGE, Compressing, decoded, is_replayed, page
from tests.support.plugins import make_request, make_response, make_runtime, without_waiting
from tests.support.streams import RecordingSource, stream_of


def test_it_stands_outside_of_what_is_shared_and_may_be_replayed() -> None:
    assert PLUGIN.replay_safe
    assert {"cache", "coalesce"} <= set(PLUGIN.before)


async def test_the_whole_way_of_a_request() -> None:
    async with Compressing(page(), caches=False) as chain:
        got = await chain.ask()
        assert decoded(got) == PAGE
        assert (got["Content-Encoding"], got["Vary"], got["ETag"]) == ("zstd", "Accept-Encoding", '"a-zstd"')
        assert chain.sent("Accept-Encoding") == "zstd, br, gzip"
        assert chain.trail == ["compressed"]
        assert chain.counted("compressed") == 1


async def test_the_origin_can_be_kept_from_compressing() -> None:
    async with Compressing(page(), caches=False, origin_sees="identity") as chain:
        assert decoded(await chain.ask()) == PAGE
        assert chain.sent("Accept-Encoding") == "identity"


async def test_plugins_outside_see_the_request_as_it_came() -> None:
    async with Compressing(page(), caches=False) as chain:
        request = make_request(fields={**BROWSER, "If-None-Match": '"a-br"'})
        came = request.fields
        await chain.handle(request)
        assert request.fields is came


async def test_so_they_do_when_there_is_no_answer() -> None:
    async with Compressing(OSError(), caches=False) as chain:
        request = make_request(fields=BROWSER)
        came = request.fields
        with pytest.raises(OSError):
            await chain.handle(request)
        assert request.fields is came


def test_a_small_answer_needs_no_wait() -> None:
    chain = Compressing(page(), caches=False)
    response: Response = without_waiting(chain.handle(make_request(fields=BROWSER)))
    assert response.fields.get(b"content-encoding") == b"zstd"


def test_an_upgrade_passes_untouched() -> None:
    chain = Compressing(page(), caches=False)
    request = make_request(fields=BROWSER)
    request.upgrade = b"websocket"
    response: Response = without_waiting(chain.handle(request))
    assert response.fields.get(b"content-encoding") is None
    assert chain.sent("Accept-Encoding") == BROWSER["Accept-Encoding"]


async def test_a_hit_is_compressed_once_for_each_coding() -> None:
    async with Compressing(page(FRESH)) as chain:
        bodies: dict[str, set[int]] = {}
        for coding in ("gzip", "br", "zstd") * 3:
            got = await chain.ask({"Accept-Encoding": coding})
            assert (got["Content-Encoding"], decoded(got)) == (coding, PAGE)
            bodies.setdefault(coding, set()).add(id(got.body))
        assert {coding: len(ids) for coding, ids in bodies.items()} == {"gzip": 1, "br": 1, "zstd": 1}
        got = await chain.ask({})
        assert (got.body, got["Content-Encoding"], got["ETag"]) == (PAGE, None, '"a"')
        assert len(chain.origin.requests) == 1
        assert (chain.counted("compressed"), chain.counted("kept")) == (3, 6)


async def test_an_origin_that_compresses_itself_has_its_way() -> None:
    coded = reference_encode(Coding.GZIP, PAGE)
    fields = {**FRESH, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    async with Compressing(page(fields, coded)) as chain:
        got = await chain.ask({"Accept-Encoding": "gzip, deflate"})
        assert (got.body, got["ETag"], got["Vary"], chain.trail[-1]) == (coded, '"a"', "Accept-Encoding", "coded")
        got = await chain.ask({})
        assert (got.body, got["ETag"], got["Content-Encoding"]) == (PAGE, '"a-id"', None)


async def test_large_content_goes_to_a_thread_once_for_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    body, threads = text_of(300_000), set[str]()
    async with Compressing(page(FRESH, body), inline_up_to="1KiB") as chain:
        made = chain.plugin._made

        def watched(*arguments: Any) -> Any:
            threads.add(threading.current_thread().name)
            return made(*arguments)

        monkeypatch.setattr(chain.plugin, "_made", watched)
        await chain.ask({})  # so that it is stored
        answers = await asyncio.gather(*[chain.ask() for _ in range(10)])
        assert {decoded(got) for got in answers} == {body}
        assert len({id(got.body) for got in answers}) == 1
        assert (chain.counted("compressed"), chain.counted("kept")) == (1, 9)
        assert threads
        assert all(name.startswith("compress") for name in threads)


async def test_too_many_for_the_threads_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    body, gate = text_of(5_000), threading.Event()

    def answer(request: Request) -> Response:
        return make_response(200, HTML, bytes(bytearray(body)))  # each has its own, as from a connection

    async with Compressing(answer, caches=False, inline_up_to=0, waiting=1, threads=1) as chain:
        made = chain.plugin._made

        def slow(*arguments: Any) -> Any:
            gate.wait(30)
            return made(*arguments)

        monkeypatch.setattr(chain.plugin, "_made", slow)
        first = asyncio.ensure_future(chain.ask())
        await asyncio.sleep(0)
        other = asyncio.ensure_future(chain.ask(target="/other"))
        await asyncio.sleep(0)
        assert other.done(), "it waits"
        second = other.result()
        assert (second.body, second["Vary"], chain.trail) == (body, "Accept-Encoding", ["busy"])
        gate.set()
        assert decoded(await first) == body


async def test_a_client_that_leaves_does_not_take_the_others_along(monkeypatch: pytest.MonkeyPatch) -> None:
    body, gate = text_of(200_000), threading.Event()
    async with Compressing(page(FRESH, body), inline_up_to=0) as chain:
        await chain.ask({})
        made = chain.plugin._made

        def slow(*arguments: Any) -> Any:
            gate.wait(30)
            return made(*arguments)

        monkeypatch.setattr(chain.plugin, "_made", slow)
        leaver, stayer = (asyncio.ensure_future(chain.ask()) for _ in range(2))
        await asyncio.sleep(0)
        leaver.cancel()
        gate.set()
        assert decoded(await stayer) == body
        with pytest.raises(asyncio.CancelledError):
            await leaver
        assert decoded(await chain.ask()) == body
        assert chain.trail[-1] == "kept"


async def test_what_was_left_half_way_is_given_up() -> None:
    sent: list[bool] = []

    def answer(request: Request) -> Response:
        response = make_response(200, HTML, PAGE)
        response.on_sent(sent.append)
        return response

    async with Compressing(answer, caches=False, inline_up_to=0) as chain:
        task = asyncio.ensure_future(chain.ask())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sent == [False]


@pytest.mark.parametrize("inline_up_to", [0, 1 << 20])
async def test_broken_content_is_a_502(inline_up_to: int) -> None:
    fields = {**HTML, "Content-Encoding": "gzip"}
    async with Compressing(page(fields, PAGE), caches=False, inline_up_to=inline_up_to) as chain:
        with pytest.raises(ContentCodingError) as broken:
            await chain.ask({})
        assert broken.value.status == 502


async def test_a_coded_stream_is_answered_once_its_beginning_was_read() -> None:
    streams: list[BodyStream] = []

    def answer(request: Request) -> Response:
        streams.append(BodyStream(None, RecordingSource()))
        return make_response(200, {**HTML, "Content-Encoding": "gzip"}, streams[-1])

    async with Compressing(answer, caches=False) as chain:
        task = asyncio.ensure_future(chain.ask({}))
        await asyncio.sleep(0)
        assert not task.done()
        streams[0].feed(reference_encode(Coding.GZIP, PAGE))
        streams[0].finish()
        assert await (await task).stream.read(10_000) == PAGE
        task = asyncio.ensure_future(chain.ask({}))
        await asyncio.sleep(0)
        streams[1].feed(b"this is no gzip at all")
        with pytest.raises(ContentCodingError):
            await task
        task = asyncio.ensure_future(chain.ask({}))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert streams[2].end is not None


async def test_a_popular_response_is_compressed_again_behind() -> None:
    async with Compressing(page(FRESH), popular_after=3) as chain:
        quick = await chain.ask({"Accept-Encoding": "br"})
        for _ in range(2):
            again = await chain.ask({"Accept-Encoding": "br"})
        assert is_replayed(again.response)
        await chain.settle()
        assert not is_replayed(again.response)
        best = await chain.ask({"Accept-Encoding": "br"})
        assert len(best.body) < len(quick.body)
        assert (decoded(best), best["ETag"]) == (PAGE, quick["ETag"])
        assert is_replayed(best.response)
        assert chain.figures.value("compress_improved_total", route="default", coding="br") == 1
        for _ in range(10):
            await chain.ask({"Accept-Encoding": "br"})
        await chain.settle()
        assert chain.figures.value("compress_improved_total", route="default", coding="br") == 1


async def test_a_busy_worker_makes_nothing_better() -> None:
    async with Compressing(page(FRESH), popular_after=1) as chain:
        chain.plugin._shop.lateness.observe(0.03)
        for _ in range(5):
            await chain.ask({"Accept-Encoding": "br"})
        assert len(chain.runtime.tasks) == 0
        chain.plugin._shop.lateness.seconds = 0.0
        await chain.ask({"Accept-Encoding": "br"})
        await chain.settle()
        assert chain.figures.value("compress_improved_total", route="default", coding="br") == 1


async def test_a_reload_keeps_what_was_made_and_the_workshop() -> None:
    async with Compressing(page(FRESH)) as before:
        body = (await before.ask()).body
        async with Compressing(beside=before) as after:
            assert after.plugin._shop is before.plugin._shop
            got = await after.ask()
            assert got.body is body
            assert after.trail[-1] == "kept"
            await before.plugin.close()
            assert after.plugin._shop.is_going()
            assert after.plugin._shop.looking is not None
        assert after.plugin._shop.looking is None


async def test_the_loop_is_looked_at_as_long_as_anybody_cares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_module, "LOOK_EVERY", 0.0)
    async with Compressing(page()) as chain:
        lateness = chain.plugin._shop.lateness
        lateness.seconds = 100.0
        for _ in range(10_000):
            await asyncio.sleep(0)
            if lateness.seconds < 50.0:
                break
        assert lateness.seconds < 50.0
    await chain.plugin.close()  # twice does no harm


async def test_closing_gives_up_what_is_made_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    async with Compressing(page(FRESH), popular_after=1) as chain:
        made = chain.plugin._made

        def slow(*arguments: Any) -> Any:
            gate.wait(30)
            return made(*arguments)

        monkeypatch.setattr(chain.plugin, "_made", slow)
        await chain.ask({"Accept-Encoding": "br"})
        assert len(chain.runtime.tasks) == 1
        await asyncio.sleep(0)
        await chain.plugin.close()
        gate.set()
        await chain.settle()
        assert chain.plugin._shop.behind == 0
        assert chain.figures.value("compress_improved_total", route="default", coding="br") == 0


def test_a_plugin_that_was_never_opened_can_be_closed() -> None:
    asyncio.run(PLUGIN(CompressSettings(), make_runtime()).close())


def test_a_missing_library_is_said_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("plugins.compress.codecs.brotli", None)
    chain = Compressing(page(), caches=False, prefer=["br", "gzip"])
    assert "brotli is not installed" in capsys.readouterr().out
    response: Response = without_waiting(chain.handle(make_request(fields=BROWSER)))
    assert response.fields.get(b"content-encoding") == b"gzip"
    with pytest.raises(ValueError, match="brotli is not installed"):
        Compressing(page(), prefer=["br"])


def test_what_would_happen_is_explained_without_asking_anybody() -> None:
    chain = Compressing(page(), caches=False)
    told = chain.plugin.explain(make_request(fields=BROWSER))
    assert (told["decision"], told["codings"]) == ("zstd", ["zstd", "br", "gzip"])
    assert chain.origin.requests == []


async def test_event_streams_go_out_event_by_event() -> None:
    stream = BodyStream(None, RecordingSource())
    answer = make_response(200, {"Content-Type": "text/event-stream"}, stream)
    async with Compressing(answer, caches=False) as chain:
        got = await chain.ask({"Accept-Encoding": "gzip"})
        pieces = aiter(got.stream)
        for number in range(3):
            stream.feed(b"data: %d\n\n" % number)
            assert await anext(pieces)  # would wait for ever if it were kept back


async def test_a_stream_that_is_complete_comes_through() -> None:
    answer = make_response(200, HTML, stream_of(PAGE[:2_000], PAGE[2_000:], length=len(PAGE)))
    async with Compressing(answer, caches=False) as chain:
        got = await chain.ask({"Accept-Encoding": "identity"})
        assert await got.stream.read(10_000) == PAGE
