"""What wrk is told, and what is read from what it says."""

import asyncio
import contextlib
import re
import shutil
from pathlib import Path

import pytest

from loadtests.support.ports import LOOPBACK
from loadtests.support.wrk import Load, WrkError, parse, run, script

LINE = (
    "figures requests=1000 microseconds=2000000 bytes=9 connect=1 read=2 write=3 status=4 timeout=5 p50=6 p95=7 p99=8"
)


IDENTIFIER = "5c6f1ad2-6c0e-4b77-9d55-0f6d2f1f7c11"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_unique_requests_get_a_script_that_changes_what_names_them() -> None:
    text = script(Load("http://x/", 1, {"X-Request-Id": IDENTIFIER, "traceparent": TRACE}, unique=True))
    assert f'local unique = {{"{IDENTIFIER}", "{TRACE}"}}' in text
    assert "request = function()" in text
    assert "request = function()" not in script(Load("http://x/", 1, {"X-Request-Id": IDENTIFIER}))


@pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk")
async def test_targets_are_asked_for_in_turn_and_round_again(tmp_path: Path) -> None:
    targets: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                targets.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    url = f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/a"
    await asyncio.to_thread(run, Load(url, 1, {}, spread=3), 1, directory=tmp_path)
    server.close()
    await server.wait_closed()
    assert sorted(targets[:3]) == [b"/a?n=1", b"/a?n=2", b"/a?n=3"]
    assert targets[3:9] == targets[:3] * 2


@pytest.mark.parametrize("fields", [{}, {"X-Request-Id": "short"}, {"X-Request-Id": IDENTIFIER, "traceparent": "00-"}])
def test_what_names_a_request_must_have_room_for_a_number(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="no room"):
        script(Load("http://x/", 1, fields, unique=True))


@pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk")
async def test_no_two_unique_requests_are_alike_and_all_have_the_form_of_the_first(tmp_path: Path) -> None:
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    url = f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/"
    load = Load(url, 1, {"X-Request-Id": IDENTIFIER, "traceparent": TRACE, "If-None-Match": '"a"'}, unique=True)
    await asyncio.to_thread(run, load, 1, directory=tmp_path)
    server.close()
    await server.wait_closed()
    traces = {line for head in heads for line in head.split(b"\r\n") if line.startswith(b"traceparent: ")}
    identifiers = {line for head in heads for line in head.split(b"\r\n") if line.startswith(b"X-Request-Id: ")}
    assert len(traces) == len(identifiers) == len(heads) > 1
    digits = re.compile(rb"traceparent: 00-[0-9a-f]{12}43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert all(map(digits.fullmatch, traces))
    assert all(line.startswith(b"X-Request-Id: 5c6f1ad2-6c0e-4b77-9d55-") for line in identifiers)
    assert all(b'If-None-Match: "a"\r\n' in head for head in heads)


def test_a_script_sets_method_fields_and_content() -> None:
    load = Load("http://x/", 1, {"Accept": "a/b;q=0.5"}, method="POST", content_file=Path("/tmp/content"))
    lines = script(load).splitlines()
    assert 'wrk.method = "POST"' in lines
    assert 'wrk.headers["Accept"] = "a/b;q=0.5"' in lines
    assert 'wrk.body = io.open("/tmp/content", "rb"):read("*a")' in lines


@pytest.mark.parametrize("value", ["a\\b", "a\nb"])
def test_text_that_lua_would_read_otherwise_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="Lua would read"):
        script(Load("http://x/", 1, {"A": value}))


def test_figures_are_found_among_everything_else_wrk_prints() -> None:
    figures = parse(f"Running 2s test\n  1 threads\n{LINE}\nRequests/sec: 500\n")
    assert (figures.requests, figures.seconds, figures.p95) == (1000, 2.0, 7)
    assert figures.errors == {"connect": 1, "read": 2, "write": 3, "status": 4, "timeout": 5}
    assert figures.failed == 15


def test_output_without_figures_is_an_error_that_shows_it() -> None:
    with pytest.raises(WrkError, match="unable to connect"):
        parse("unable to connect to 127.0.0.1")


def test_a_missing_wrk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WrkError, match="did not run"):
        run(Load("http://x/", 1, {}), 1, directory=tmp_path)
