import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.supervisor import client as module
from gateway.supervisor.client import AdminClient, AdminError
from tests.gateway.supervisor.harness import free_port


class FakeAdmin:
    """Answers with what a test entered, and notes what it was asked."""

    def __init__(self) -> None:
        self.answer = web.json_response({})
        self.asked: list[tuple[str, str, str | None]] = []
        self.parameters: list[tuple[str, str]] = []
        self.content: Any = None
        self.runner = web.ServerRunner(web.Server(self._serve))
        self.port = free_port()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.method, request.path, request.headers.get("Authorization")))
        self.parameters = list(request.query.items())
        self.content = await request.json() if request.can_read_body else None
        return self.answer

    @property
    def client(self) -> AdminClient:
        return AdminClient(f"127.0.0.1:{self.port}")


@pytest.fixture
async def admin() -> AsyncIterator[FakeAdmin]:
    fake = FakeAdmin()
    await fake.runner.setup()
    await web.TCPSite(fake.runner, "127.0.0.1", fake.port).start()
    yield fake
    await fake.runner.cleanup()


async def test_parameters_and_token_are_sent(admin: FakeAdmin) -> None:
    admin.answer = web.json_response({"workers": []})
    client = AdminClient(f"localhost:{admin.port}", "correct-horse-battery")
    parameters = [("url", "http://a/?b=c d&e"), ("header", "A: b"), ("header", "C: d")]
    answer = await client.get("/api/explain", parameters)
    assert admin.asked == [("GET", "/api/explain", "Bearer correct-horse-battery")]
    assert admin.parameters == parameters
    assert (answer.status, answer.document, answer.is_complete, answer.is_refusal) == (
        200,
        {"workers": []},
        True,
        False,
    )


async def test_a_document_is_posted_as_json(admin: FakeAdmin) -> None:
    await admin.client.post("/api/purge", {"tag": "shop"})
    assert (admin.asked, admin.content) == ([("POST", "/api/purge", None)], {"tag": "shop"})


async def test_an_answer_for_some_workers_is_neither_complete_nor_a_refusal(admin: FakeAdmin) -> None:
    admin.answer = web.json_response({"workers": []}, status=207)
    answer = await admin.client.post("/api/purge", {})
    assert (answer.is_complete, answer.is_refusal) == (False, False)


async def test_a_refusal_has_its_words(admin: FakeAdmin) -> None:
    admin.answer = web.json_response(
        {"detail": "there is no store"}, status=404, content_type="application/problem+json"
    )
    answer = await admin.client.post("/api/purge", {})
    assert (answer.is_refusal, answer.detail) == (True, "there is no store")
    admin.answer = web.json_response({}, status=500)
    assert (await admin.client.get("/")).detail == "the gateway answered 500"


async def test_a_missing_token_is_told_with_the_remedy(admin: FakeAdmin) -> None:
    admin.answer = web.json_response({"detail": "a bearer token is required"}, status=401)
    with pytest.raises(AdminError, match=r"a bearer token is required: .*--token.*SLIPSTREAM_TOKEN"):
        await admin.client.get("/api/explain")


@pytest.mark.parametrize(
    "answer",
    [web.Response(text="hello"), web.Response(text="{", content_type="application/json"), web.json_response(1)],
)
async def test_somebody_else_at_the_address_is_no_gateway(admin: FakeAdmin, answer: web.Response) -> None:
    admin.answer = answer
    with pytest.raises(AdminError, match="no admin application"):
        await admin.client.get("/api/explain")


async def test_where_nobody_listens_the_address_is_named() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(AdminError, match=f"no gateway answers at {address}: .*refused.*\n.*--admin"):
        await AdminClient(address).get("/api/explain")


async def test_a_gateway_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)

    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(3600)
        raise AssertionError

    slow = web.ServerRunner(web.Server(hang), shutdown_timeout=0.1)
    await slow.setup()
    port = free_port()
    await web.TCPSite(slow, "127.0.0.1", port).start()
    with pytest.raises(AdminError, match="did not answer"):
        await AdminClient(f"127.0.0.1:{port}").get("/api/explain")
    await slow.cleanup()


async def test_a_unix_socket_is_asked_as_well(admin: FakeAdmin, tmp_path: Path) -> None:
    path = str(tmp_path / "admin.sock")
    await web.UnixSite(admin.runner, path).start()
    assert (await AdminClient(f"unix:{path}").get("/api/explain")).is_complete
    with pytest.raises(AdminError, match="no gateway answers"):
        await AdminClient(f"unix:{tmp_path}/nobody.sock").get("/api/explain")


def test_an_address_without_a_port_is_a_mistake_with_words() -> None:
    with pytest.raises(AdminError, match="--admin localhost: has no port"):
        AdminClient("localhost")


async def test_an_answer_without_end_is_left(admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_ANSWER", 1000)
    admin.answer = web.json_response({"rows": ["x" * 2000]})
    with pytest.raises(AdminError, match="says more than 1000 octets"):
        await admin.client.get("/api/entries")
    admin.answer = web.json_response({"rows": []})
    assert (await admin.client.get("/api/entries")).is_complete


@pytest.mark.parametrize("address", ["169.254.169.254:80", "[fe80::1]:80", "[::ffff:169.254.169.254]:80"])
async def test_who_must_not_get_at_link_local_addresses_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(AdminError, match="link-local"):
        await AdminClient(address, may_be_link_local=False).get("/api/entries")


async def test_other_addresses_are_reached_by_those_too(admin: FakeAdmin) -> None:
    client = AdminClient(f"localhost:{admin.port}", may_be_link_local=False)
    assert (await client.get("/api/entries")).is_complete
