"""Content codings over sockets: what a client gets, what the origin sees, and what bombs cost."""

from __future__ import annotations

import itertools
import json
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.answer import Answer, read_answer
from tests.support.client import Client, request
from tests.support.coded import reference_decode
from tests.support.gateway import Gateway, Settings, before, peak_resident_octets, running, wait_until
from tests.support.library import Library, content_of_text
from tests.support.wire import WireError

PATIENT: Settings = {"busy_after": "1h"}
"""A machine that is busy with other tests makes no answer plain."""
CHAIN: Settings = {"plugins": [{"compress": {"popular_after": "off", **PATIENT}}, {"cache": {}}]}
ALONE: Settings = {"plugins": [{"compress": PATIENT}]}
TEXT = 4
"""A text of some thousand octets."""
LONG = 107
"""One of more than a hundred thousand."""
BROWSER = "Accept-Encoding: gzip, deflate, br, zstd"


def said(answer: Answer, name: str) -> str | None:
    """A field of an answer."""
    value = answer.one(name.encode())
    return value.decode() if value is not None else None


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    with Library() as library:
        yield library


@pytest.fixture(scope="module")
def gateway(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(before(library.url) | CHAIN, tmp_path_factory.mktemp("compress")) as gateway:
        yield gateway


def test_the_texts_of_these_tests_are_worth_it() -> None:
    assert (len(content_of_text(TEXT)) > 5_000, len(content_of_text(LONG)) > 140_000) == (True, True)


@pytest.mark.parametrize("target", [f"/body/{TEXT}", f"/kept/{TEXT}", f"/body/{LONG}", f"/coded/{TEXT}"])
@pytest.mark.parametrize("coding", ["zstd", "br", "gzip", None])
def test_every_coding_is_what_it_says(gateway: Gateway, target: str, coding: str | None) -> None:
    for _ in range(3):
        answer = gateway.get(target, *([f"Accept-Encoding: {coding}"] if coding else []))
        number = int(target.rpartition("/")[2])
        assert answer.status == 200
        assert said(answer, "content-encoding") == coding
        assert reference_decode(coding, answer.body) == content_of_text(number)
        assert said(answer, "vary") == "Accept-Encoding"


def test_small_content_and_content_without_octets_is_left(gateway: Gateway) -> None:
    number = next(number for number in itertools.count(0, 3) if len(content_of_text(number)) < 2)
    answer = gateway.get(f"/body/{number}", BROWSER)
    assert (said(answer, "content-encoding"), answer.body) == (None, content_of_text(number))


def test_a_client_of_http_1_0_gets_a_stream_too(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.send(f"GET /body/{TEXT} HTTP/1.0\r\nHost: shop.test\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        answer = client.answer(minor=0)
    assert reference_decode("gzip", answer.body) == content_of_text(TEXT)


def test_a_tag_comes_back_in_each_form(gateway: Gateway) -> None:
    for coding in ("zstd", "br", "gzip"):
        whole = gateway.get(f"/kept/{TEXT}", f"Accept-Encoding: {coding}")
        tag = said(whole, "etag")
        assert tag == f'"text-{TEXT}-{coding}"'
        again = gateway.get(f"/kept/{TEXT}", f"Accept-Encoding: {coding}", f"If-None-Match: {tag}")
        assert (again.status, said(again, "etag"), again.body) == (304, tag, b"")
        other = gateway.get(f"/kept/{TEXT}", "Accept-Encoding: identity", f"If-None-Match: {tag}")
        assert (other.status, other.body) == (200, content_of_text(TEXT))


def test_head_has_the_fields_of_get(gateway: Gateway) -> None:
    with gateway.client() as client:
        whole = client.get(f"/kept/{TEXT}", BROWSER)
        client.send(request("HEAD", f"/kept/{TEXT}", BROWSER))
        head = client.answer("HEAD")
    for name in ("content-encoding", "etag", "vary", "content-type", "content-length"):
        assert said(head, name) == said(whole, name)


def test_a_part_is_of_content_as_it_is(gateway: Gateway) -> None:
    part = gateway.get(f"/kept/{TEXT}", BROWSER, "Range: bytes=5-24")
    assert (part.status, part.body) == (206, content_of_text(TEXT)[5:25])
    assert said(part, "content-encoding") is None
    rest = gateway.get(f"/kept/{TEXT}", BROWSER, "Range: bytes=5-24", f'If-Range: "text-{TEXT}-zstd"')
    assert (rest.status, reference_decode("zstd", rest.body)) == (200, content_of_text(TEXT))


def test_what_the_origin_sees(gateway: Gateway, library: Library) -> None:
    library.forget()
    gateway.get("/body/42", "Accept-Encoding: gzip;q=0.5, deflate, BR")
    gateway.get("/body/42")
    assert [each.one(b"accept-encoding") for each in library.requests] == [b"br, gzip", None]


# --- the replay lane ---------------------------------------------------------------------------------


def test_compressed_answers_are_replayed_for_the_very_same_heads(gateway: Gateway) -> None:
    def replays() -> float:
        return gateway.metric("slipstream_replays_total")

    with gateway.client() as client:
        firsts = {}
        for coding in ("gzip", "br", "identity"):
            for _ in range(3):
                firsts[coding] = client.get("/kept/10", f"Accept-Encoding: {coding}")
        count = replays()
        for coding, first in firsts.items():
            for _ in range(20):
                answer = client.get("/kept/10", f"Accept-Encoding: {coding}")
                assert answer.body == first.body
                for name in ("content-encoding", "etag", "vary", "content-length"):
                    assert said(answer, name) == said(first, name)
        wait_until(lambda: replays() >= count + 60, "replays are counted")
    kept = gateway.metric("slipstream_compress_bytes_total", coding="gzip", side="after")
    assert kept > 20 * len(firsts["gzip"].body)


def test_a_better_form_takes_the_place_of_what_was_replayed(library: Library, tmp_path: Path) -> None:
    plugins = [{"compress": {"popular_after": 30, "br": {"level": 1}, **PATIENT}}, {"cache": {}}]
    with running(before(library.url) | {"plugins": plugins}, tmp_path) as gateway, gateway.client() as client:
        quick = client.get("/kept/10", "Accept-Encoding: br")

        def is_better() -> bool:
            answer = client.get("/kept/10", "Accept-Encoding: br")
            assert reference_decode("br", answer.body) == content_of_text(10)
            assert said(answer, "etag") == said(quick, "etag")
            return len(answer.body) < len(quick.body)

        wait_until(is_better, "a better form is there")
        wait_until(lambda: gateway.metric("slipstream_compress_improved_total") == 1, "that is counted")


def test_with_and_without_the_lane_answers_are_the_same(library: Library, tmp_path: Path) -> None:
    with (
        running(before(library.url) | CHAIN, tmp_path / "on") as on,
        running(before(library.url) | CHAIN | {"replay": {"memory": "off"}}, tmp_path / "off") as off,
        on.client() as replaying,
        off.client() as asking,
    ):
        accepts = ["gzip", "br", "zstd", "identity", "gzip;q=0.5, br;q=0.1", "*;q=0", "deflate", "*"]
        conditions = [
            "",
            'If-None-Match: "text-{}"',
            'If-None-Match: "text-{}-br"',
            'If-None-Match: "x", "text-{}-gzip"',
        ]
        heads = [
            request("GET", f"/kept/{number}", f"Accept-Encoding: {accept}", *filter(None, [condition.format(number)]))
            for number in (4, 10, 23)
            for accept in accepts
            for condition in conditions
        ]
        for octets in heads * 4:
            answers = []
            for client in (replaying, asking):
                client.send(octets)
                answer = client.answer()
                fields = sorted((name, value) for name, value in answer.fields if name not in (b"age", b"cache-status"))
                answers.append((answer.status, fields, answer.body))
            assert answers[0] == answers[1], octets
        wait_until(lambda: on.metric("slipstream_replays_total") > 50, "replays are counted")


def test_a_purge_ends_every_form(gateway: Gateway, library: Library) -> None:
    with gateway.client() as client:
        for coding in ("gzip", "br", "identity"):
            for _ in range(3):
                client.get("/kept/11", f"Accept-Encoding: {coding}")
        library.forget()
        host = f"127.0.0.1:{gateway.admin_port}"
        with Client(("127.0.0.1", gateway.admin_port)) as admin:
            body = json.dumps({"url": "http://shop.test/kept/11"}).encode()
            admin.send(request("POST", "/api/purge", "Connection: close", host=host, body=body))
            assert admin.answer("POST").json()["count"] >= 1
        for coding in ("gzip", "br", "identity"):
            answer = client.get("/kept/11", f"Accept-Encoding: {coding}")
            assert reference_decode(said(answer, "content-encoding"), answer.body) == content_of_text(11)
        assert len(library.requests) >= 1


def test_a_reload_in_the_middle_disturbs_nobody_and_keeps_what_was_made(library: Library, tmp_path: Path) -> None:
    with running(before(library.url) | CHAIN, tmp_path) as gateway, gateway.client() as client:
        whole = client.get("/kept/10", "Accept-Encoding: br")
        earlier = gateway.status()["last_reload"]
        gateway.write(gateway.settings | {"plugins": [{"compress": {"br": {"level": 5}, **PATIENT}}, {"cache": {}}]})
        gateway.send_signal(signal.SIGHUP)

        def is_done() -> bool:
            assert client.get("/kept/10", "Accept-Encoding: br").body == whole.body
            return bool(gateway.status()["last_reload"]["at"] != earlier["at"])

        wait_until(is_done, "the reload is reported")
        for _ in range(3):
            assert client.get("/kept/10", "Accept-Encoding: br").body == whole.body
        other = client.get("/kept/13", "Accept-Encoding: br")
        assert reference_decode("br", other.body) == content_of_text(13)


# --- streams -----------------------------------------------------------------------------------------


def test_events_arrive_one_by_one(tmp_path: Path) -> None:
    with Library() as library, running(before(library.url) | ALONE, tmp_path) as gateway, gateway.client() as client:
        decoder, seen = zlib.decompressobj(31), b""
        client.send(request("GET", "/events", "Accept-Encoding: gzip"))
        pieces: list[bytes] = []

        def take(piece: bytes) -> None:
            nonlocal seen
            pieces.append(piece)
            seen += decoder.decompress(piece)
            if seen.endswith(b"\n\n") and len(library.events) > seen.count(b"\n\n"):
                library.events[seen.count(b"\n\n")].set()

        library.events[0].set()
        answer = client.answer(sink=take)
        assert said(answer, "content-encoding") == "gzip"
        assert seen == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"  # each was there before the next was sent
        assert decoder.eof


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("how", ["", "/whole"])
def test_a_bomb_is_a_502_and_takes_no_memory(library: Library, tmp_path: Path, coding: str, how: str) -> None:
    with running(before(library.url) | CHAIN, tmp_path) as gateway:
        gateway.get(f"/coded/{TEXT}")  # whatever is loaded late is loaded now
        (worker,) = gateway.workers()
        at_rest = peak_resident_octets(worker)
        for _ in range(3):
            answer = gateway.get(f"/bomb/{coding}{how}")
            assert (answer.status, said(answer, "proxy-status") is not None) == (502, True)
        assert peak_resident_octets(worker) - at_rest < 48 << 20
        assert gateway.get(f"/body/{TEXT}", BROWSER).status == 200
        whoever_reads_it = gateway.get(f"/bomb/{coding}{how}", f"Accept-Encoding: {coding}")
        assert whoever_reads_it.status == 200  # its own affair


def test_content_that_is_cut_short_is_a_502_while_that_can_be_said(gateway: Gateway) -> None:
    whole = next(number for number in range(0, 300, 3) if 1_000 < len(content_of_text(number)) < 20_000)
    assert gateway.get(f"/cut/{whole}").status == 502


def test_later_it_ends_the_connection(tmp_path: Path) -> None:
    with Library() as library, running(before(library.url) | ALONE, tmp_path) as gateway, gateway.client() as client:
        heads: list[Answer] = []

        def begun(head: Answer) -> None:
            heads.append(head)
            library.events[0].set()

        client.send(request("GET", "/late"))
        with pytest.raises((WireError, OSError)):
            read_answer(client.wire, on_head=begun)
        assert [head.status for head in heads] == [200]
