import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.supervisor import warming_admin
from tests.gateway.supervisor.harness import PATIENCE_SECONDS, administering, answer_of, config_text


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Asks the admin application of a worker with a fake road."""
    async with administering(tmp_path / "config.yaml", config_text()) as client:
        yield client


async def begun(client: aiohttp.ClientSession, *urls: str, **more: Any) -> str:
    status, document = await answer_of(client.post("/api/warm", json={"sources": [{"urls": urls}], **more}))
    assert status == 202, document
    return str(document["id"])


async def over(client: aiohttp.ClientSession, run: str, state: str = "done") -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            status, document = await answer_of(client.get(f"/api/warm/{run}"))
            assert status == 200
            if document["state"] == state:
                return document
            await asyncio.sleep(0.02)


async def test_a_run_is_begun_and_watched(client: aiohttp.ClientSession) -> None:
    run = await begun(client, "http://a/1", "http://a/2", rate="off")
    document = await over(client, run)
    assert (document["stored"], document["octets"], document["sources"][0]["found"]) == (2, 14, 2)
    status, listed = await answer_of(client.get("/api/warm"))
    assert (status, [each["id"] for each in listed["runs"]]) == (200, [run])


async def test_a_run_is_cancelled_and_resumed(client: aiohttp.ClientSession) -> None:
    run = await begun(client, "http://a/forever", "http://a/1", rate="off")
    status, document = await answer_of(client.post("/api/warm", json={"sources": [{"urls": ["http://a/"]}]}))
    assert (status, run in document["detail"]) == (409, True)
    assert (await answer_of(client.post(f"/api/warm/{run}/cancel")))[1]["state"] == "cancelled"
    assert (await answer_of(client.post(f"/api/warm/{run}/cancel")))[0] == 200
    status, document = await answer_of(client.post(f"/api/warm/{run}/resume"))
    assert (status, document["state"] in ("gathering", "running")) == (202, True)
    await answer_of(client.post(f"/api/warm/{run}/cancel"))


async def test_what_is_done_is_not_resumed(client: aiohttp.ClientSession) -> None:
    run = await begun(client, "http://a/1")
    await over(client, run)
    assert (await answer_of(client.post(f"/api/warm/{run}/resume")))[0] == 409


@pytest.mark.parametrize("path", ["/api/warm/nothing", "/api/warm/nothing/cancel", "/api/warm/nothing/resume"])
async def test_a_run_that_nobody_knows_is_not_found(client: aiohttp.ClientSession, path: str) -> None:
    ask = client.get if path.endswith("nothing") else client.post
    status, document = await answer_of(ask(path))
    assert (status, document["detail"]) == (404, "no run of that id is remembered")


@pytest.mark.parametrize(("content", "status"), [(b"", 400), (b"{", 400), (b"{}", 422), (b'{"sources": []}', 422)])
async def test_an_order_that_makes_no_sense_begins_nothing(
    client: aiohttp.ClientSession, content: bytes, status: int
) -> None:
    assert (await answer_of(client.post("/api/warm", data=content)))[0] == status
    assert (await answer_of(client.get("/api/warm")))[1] == {"runs": []}


async def test_a_list_may_be_long_but_not_without_end(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await begun(client, *(f"http://a/{'x' * 1000}{number}" for number in range(200)), rate="off")
    assert (await over(client, run))["total"] == 200
    monkeypatch.setattr(warming_admin, "LARGEST_ORDER", 100)
    status, _ = await answer_of(client.post("/api/warm", data=b"x" * 1000))
    assert status == 413
