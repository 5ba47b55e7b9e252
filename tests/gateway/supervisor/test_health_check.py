import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config import HealthSettings, ServerSettings, UpstreamSettings
from gateway.supervisor.health_check import MAX_CONTENT, Checker, Finding
from gateway.upstream.endpoint import endpoint_of
from tests.support.certificates import Authority
from tests.support.loopback import listening, until_end
from tests.support.ports import free_port

seen: list[bytes] = []


def answering(answer: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)

    return serve


def answer(status: int, content: bytes = b"", *fields: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % len(content), *fields]
    return b"\r\n".join([*lines, b"", content])


async def check(url: str, upstream: dict[str, Any] | None = None, **health: Any) -> Finding:
    settings = UpstreamSettings.model_validate({"servers": [url], **(upstream or {})})
    rules = HealthSettings.model_validate({"path": "/healthz", "timeout": "20s", **health})
    return await Checker(settings).check(endpoint_of(ServerSettings(url=url)), rules)


async def of(reply: bytes, upstream: dict[str, Any] | None = None, **health: Any) -> Finding:
    async with listening(answering(reply)) as port:
        return await check(f"http://127.0.0.1:{port}", upstream, **health)


@pytest.mark.parametrize(
    ("status", "expected", "is_good"), [(200, "2xx", True), (503, "2xx", False), (301, "2xx", False), (404, 404, True)]
)
async def test_the_status_decides(status: int, expected: Any, is_good: bool) -> None:
    finding = await of(answer(status, b"", b"Location: /elsewhere"), status=expected)
    assert (finding.is_good, finding.detail) == (is_good, f"status {status}")


@pytest.mark.parametrize(
    ("content", "is_good"), [(b"all is ready.", True), (b"not yet", False), (b"x" * MAX_CONTENT + b"ready", False)]
)
async def test_a_text_may_have_to_be_in_the_content(content: bytes, is_good: bool) -> None:
    assert (await of(answer(200, content), body="ready")).is_good is is_good


async def test_the_request_is_an_ordinary_one() -> None:
    seen.clear()
    await of(answer(200), method="HEAD", path="/up?full=1", host="app.example")
    head = seen[0]
    assert head.startswith(b"HEAD /up?full=1 HTTP/1.1\r\n")
    assert head.count(b"\r\nHost: ") == 1
    assert b"\r\nHost: app.example\r\n" in head
    assert b"User-Agent: slipstream/" in head


@pytest.mark.parametrize(("host", "sent"), [("keep", b"127.0.0.1:"), ("app.example", b"app.example\r\n")])
async def test_the_host_is_the_servers_own_or_that_of_the_upstream(host: str, sent: bytes) -> None:
    seen.clear()
    await of(answer(200), {"host": host})
    assert b"\r\nHost: %b" % sent in seen[0]


async def test_health_may_be_told_on_another_port() -> None:
    async with listening(answering(answer(200))) as port:
        assert (await check(f"http://127.0.0.1:{free_port()}", port=port)).is_good


async def test_a_unix_socket_is_checked(tmp_path: Path) -> None:
    async with listening(answering(answer(200)), tmp_path / "s"):
        assert (await check(f"unix:{tmp_path}/s")).is_good


async def test_a_server_that_refuses_is_bad() -> None:
    finding = await check(f"http://127.0.0.1:{free_port()}")
    assert not finding.is_good
    assert finding.detail


async def test_a_server_that_says_nothing_is_bad_in_time() -> None:
    async with listening(until_end) as port:
        finding = await check(f"http://127.0.0.1:{port}", timeout="50ms")
    assert (finding.is_good, finding.detail) == (False, "no answer within 0.05 s")


async def test_a_server_that_drips_its_content_is_bad_in_time() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nrea"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await reader.read()

    async with listening(serve) as port:
        assert not (await check(f"http://127.0.0.1:{port}", timeout="50ms", body="ready")).is_good


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 999999 X\r\n\r\n", b"\x00" * 40])
async def test_nonsense_is_bad(reply: bytes) -> None:
    assert not (await of(reply)).is_good


@pytest.mark.parametrize(("said", "lag"), [(b"2.5", 2.5), (b"1m", 60.0), (b"soon", None)])
async def test_a_replica_says_how_far_behind_it_is(said: bytes, lag: float | None) -> None:
    upstream = {"replicas": ["http://r"], "lag": {"header": "X-Lag"}}
    assert (await of(answer(200, b"", b"X-Lag: " + said), upstream)).lag == lag
    assert (await of(answer(503, b"", b"X-Lag: " + said), upstream)).lag == lag


class TestTls:
    async def test_certificates_are_checked_as_for_requests(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path / "authority")
        context = authority.issue("origin", "app.example").server_context()
        tls = {"ca": str(authority.file), "server_name": "app.example"}
        async with listening(answering(answer(200)), ssl=context) as port:
            url = f"https://127.0.0.1:{port}"
            assert (await check(url, {"tls": tls})).is_good
            assert (await check(url, {"tls": {"verify": False}})).is_good

    async def test_a_stranger_is_bad(self, tmp_path: Path) -> None:
        context: ssl.SSLContext = Authority(tmp_path / "a").issue("origin", "app.example").server_context()
        async with listening(answering(answer(200)), ssl=context) as port:
            assert not (await check(f"https://127.0.0.1:{port}")).is_good
