from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.supervisor import asking
from tests.gateway.supervisor.harness import administering, answer_of, config_text, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.fixture
async def client(path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Asks the admin application of two workers with a fake road."""
    async with administering(path, config_text(workers=2)) as client:
        yield client


async def test_a_purge_is_acknowledged_by_each_worker(client: aiohttp.ClientSession) -> None:
    status, document = await answer_of(client.post("/api/purge", json={"tag": "shop", "soft": True}))
    assert status == 200
    assert (document["tag"], document["soft"], document["dry_run"]) == ("shop", True, False)
    assert (document["count"], document["octets"], document["acknowledged"]) == (4, 100, 2)
    assert [(worker["worker"], worker["count"]) for worker in document["workers"]] == [("0", 2), ("1", 2)]


async def test_a_worker_that_does_not_acknowledge_is_named(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PURGE_SECONDS", 0.2)
    status, document = await answer_of(client.post("/api/purge", json={"tag": "silent"}))
    assert (status, document["count"], document["acknowledged"]) == (207, 2, 1)
    assert "no answer" in document["workers"][1]["error"]


async def test_a_purge_of_a_route_that_is_not_there_says_which_there_are(client: aiohttp.ClientSession) -> None:
    _, document = await answer_of(client.post("/api/purge", json={"route": "nothing"}))
    assert document["count"] == 0
    assert document["note"] == "no route is called 'nothing'; there are default"
    _, document = await answer_of(client.post("/api/purge", json={"route": "default"}))
    assert "note" not in document


async def test_what_workers_refuse_is_told_in_their_words(client: aiohttp.ClientSession) -> None:
    status, document = await answer_of(client.post("/api/purge", json={"tag": "nonsense"}))
    assert (status, document["detail"]) == (422, "that is no tag")


@pytest.mark.parametrize(
    ("content", "status"), [(b"{}", 422), (b'{"tag": "a", "all": true}', 422), (b"tag=a", 400), (b"\xff", 400)]
)
async def test_a_purge_that_makes_no_sense_asks_nobody(
    client: aiohttp.ClientSession, content: bytes, status: int
) -> None:
    got, document = await answer_of(client.post("/api/purge", data=content))
    assert (got, "workers" in document) == (status, False)


async def test_without_a_store_there_is_nothing_to_purge(client: aiohttp.ClientSession, path: Path) -> None:
    write(path, config_text("without-store", workers=2))
    assert (await answer_of(client.post("/api/reload")))[0] == 200
    status, document = await answer_of(client.post("/api/purge", json={"all": True}))
    assert (status, document["status"]) == (404, 404)
    assert "no store" in document["detail"]


async def test_pages_of_what_is_stored_are_laid_together(client: aiohttp.ClientSession) -> None:
    status, document = await answer_of(client.get("/api/entries", params={"most": "1", "offset": "3"}))
    assert (status, document["count"], document["next_offset"]) == (200, 18, 4)
    assert [(entry["worker"], entry["key"]) for entry in document["entries"]] == [
        ("1", "http://a/3"),
        ("0", "http://a/3"),
    ]


async def test_a_list_that_makes_no_sense_is_refused(client: aiohttp.ClientSession) -> None:
    status, document = await answer_of(client.get("/api/entries", params={"order": "colour"}))
    assert (status, "order" in document["detail"]) == (422, True)


async def test_every_worker_says_what_would_happen(client: aiohttp.ClientSession) -> None:
    params = [("url", "http://a/"), ("header", "Accept: text/html"), ("header", "Cookie: a=b"), ("method", "HEAD")]
    status, document = await answer_of(client.get("/api/explain", params=params))
    assert (status, document["url"], document["method"]) == (200, "http://a/", "HEAD")
    asked = ["HEAD", [["Accept", "text/html"], ["Cookie", "a=b"]]]
    assert [(worker["worker"], worker["asked"]) for worker in document["workers"]] == [("0", asked), ("1", asked)]


async def test_an_explanation_of_nothing_is_refused(client: aiohttp.ClientSession) -> None:
    status, document = await answer_of(client.get("/api/explain"))
    assert (status, "url is missing" in document["detail"]) == (422, True)
