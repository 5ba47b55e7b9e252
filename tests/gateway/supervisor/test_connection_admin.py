from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.gateway.supervisor.harness import administering, answer_of, config_text


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Asks the admin application of two workers whose road knows no upgraded connections."""
    async with administering(tmp_path / "config.yaml", config_text(workers=2)) as client:
        yield client


async def test_what_workers_do_not_know_is_told(client: aiohttp.ClientSession) -> None:
    status, document = await answer_of(client.get("/api/connections"))
    assert status == 404
    assert len(document["workers"]) == 2
    status, _ = await answer_of(client.post("/api/connections/close", json={"id": "1f-1"}))
    assert status == 404


@pytest.mark.parametrize(
    ("content", "status"), [(b"{}", 422), (b'{"id": "a", "code": 5}', 422), (b"id=a", 400), (b"\xff", 400)]
)
async def test_what_cannot_be_understood_is_asked_of_nobody(
    client: aiohttp.ClientSession, content: bytes, status: int
) -> None:
    answered, _ = await answer_of(client.post("/api/connections/close", data=content))
    assert answered == status


async def test_a_list_in_an_unknown_order_is_refused(client: aiohttp.ClientSession) -> None:
    status, document = await answer_of(client.get("/api/connections", params={"order": "name"}))
    assert (status, document["detail"]) == (422, "order is one of age, queue")
