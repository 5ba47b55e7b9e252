import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.supervisor.admin import serve_admin
from gateway.supervisor.main import bind_all, release_all
from gateway.supervisor.source import FileSource
from gateway.supervisor.supervisor import Supervisor
from tests.gateway.supervisor.harness import config_text, write

TOKEN = "correct-horse-battery"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OPS = "https://ops.example.com"
WITH_TOKEN = f"admin: {{address: '127.0.0.1:0', token: {TOKEN}, cors_origins: ['{OPS}']}}"

Asking = tuple[aiohttp.ClientSession, Supervisor]


async def administering(path: Path, text: str) -> AsyncIterator[Asking]:
    """The application of a supervisor that runs no workers."""
    write(path, text)
    source = FileSource(path)
    configuration = source.load()
    listening, admin = bind_all(configuration)
    assert admin is not None
    supervisor = Supervisor(source, configuration, listening)
    runner = await serve_admin(supervisor, admin)
    supervisor.fleet.resize = lambda count: None  # type: ignore[method-assign]  # no processes here
    async with aiohttp.ClientSession(f"http://{admin.address}") as client:
        yield client, supervisor
    await runner.cleanup()
    release_all([*listening, admin])
    supervisor.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.fixture
async def local(path: Path) -> AsyncIterator[Asking]:
    async for each in administering(path, config_text()):
        yield each


@pytest.fixture
async def guarded(path: Path) -> AsyncIterator[Asking]:
    async for each in administering(path, config_text().replace("admin: 127.0.0.1:0", WITH_TOKEN)):
        yield each


async def test_it_is_alive_before_it_is_ready_and_says_why(local: Asking) -> None:
    client, _ = local
    async with client.get("/live") as answer:
        assert answer.status == 200
    async with client.get("/ready") as answer:
        assert answer.status == 503
        assert await answer.json() == {
            "ready": False,
            "reasons": ["the gateway is starting", "none of 1 workers is ready"],
        }


async def test_metrics_come_as_text_or_openmetrics(local: Asking) -> None:
    client, _ = local
    async with client.get("/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "slipstream_config_generation 1.0\n" in await answer.text()
    async with client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert (await answer.text()).endswith("# EOF\n")


async def test_the_configuration_is_shown_without_its_secrets(guarded: Asking) -> None:
    client, _ = guarded
    async with client.get("/api/config", headers=BEARER) as answer:
        text = await answer.text()
    assert '"name": "one"' in text
    assert TOKEN not in text


async def test_status_tells_where_it_listens_and_what_became_of_the_last_reload(local: Asking, path: Path) -> None:
    client, supervisor = local
    await supervisor.start()
    write(path, config_text(more="wrokers: 2\n"))
    async with client.post("/api/reload") as answer:
        assert answer.status == 422
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert (await answer.json())["mistakes"][0]["line"] == 7
    async with client.get("/api/status") as answer:
        status = await answer.json()
    assert status["listeners"] == [supervisor.listening[0].address]
    assert status["last_reload"]["result"] == "refused"
    assert status["last_reload"]["mistakes"][0]["path"] == "wrokers"
    assert status["generation"] == 1


async def test_a_good_reload_is_answered_with_its_generation(local: Asking, path: Path) -> None:
    client, supervisor = local
    await supervisor.start()
    write(path, config_text("two"))
    async with client.post("/api/reload") as answer:
        assert answer.status == 200
        assert (await answer.json())["generation"] == 2
    async with client.get("/api/config") as answer:
        assert (await answer.json())["name"] == "two"


def linked(page: str) -> list[str]:
    """What the page links to."""
    return re.findall(r'href="([^"]+)"', page)


async def test_the_index_lists_what_there_is(local: Asking) -> None:
    client, _ = local
    async with client.get("/") as answer:
        assert answer.content_type == "text/html"
        page = await answer.text()
    for resource in linked(page):
        async with client.get(resource) as answer:
            assert answer.status != 404
    for path in ("/live", "/ready", "/metrics", "/api/status", "/api/config", "/api/reload", "/api/purge"):
        assert path in page


@pytest.mark.parametrize(("method", "target"), [("POST", "/api/purge"), ("GET", "/api/entries")])
async def test_what_is_stored_is_for_those_with_the_token(guarded: Asking, method: str, target: str) -> None:
    client, _ = guarded
    async with client.request(method, target) as answer:
        assert answer.status == 401


async def test_another_page_cannot_purge(local: Asking) -> None:
    client, _ = local
    async with client.post("/api/purge", json={"all": True}, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    ("method", "target", "status"), [("GET", "/nothing", 404), ("POST", "/metrics", 405), ("GET", "/api/reload", 405)]
)
async def test_errors_are_problem_documents(local: Asking, method: str, target: str, status: int) -> None:
    client, _ = local
    async with client.request(method, target) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"
        assert (await answer.json())["status"] == status
        assert ("Allow" in answer.headers) == (status == 405)


async def test_a_failure_of_ours_is_a_500_without_details(local: Asking) -> None:
    client, supervisor = local
    supervisor.ledger.snapshot = None  # type: ignore[method-assign,assignment]  # calling it fails
    async with client.get("/metrics") as answer:
        assert answer.status == 500
        assert "NoneType" not in await answer.text()


async def test_without_the_token_only_health_is_told(guarded: Asking) -> None:
    client, _ = guarded
    async with client.get("/live") as answer:
        assert answer.status == 200
    async with client.get("/api/status") as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="slipstream"'
    async with client.get("/api/status", headers=BEARER) as answer:
        assert answer.status == 200


async def test_a_name_pointed_at_loopback_is_refused(local: Asking) -> None:
    client, _ = local
    async with client.get("/api/config", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 403


async def test_another_page_cannot_cause_a_reload(local: Asking) -> None:
    client, supervisor = local
    async with client.post("/api/reload", headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403
    assert supervisor.last_reload.trigger == "start"


async def test_pages_of_allowed_origins_may_ask_after_a_preflight(guarded: Asking) -> None:
    client, _ = guarded
    preflight = {
        "Origin": OPS,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    async with client.options("/api/status", headers=preflight) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == OPS
        assert "AUTHORIZATION" in answer.headers["Access-Control-Allow-Headers"].upper()
    async with client.get("/api/status", headers={**BEARER, "Origin": OPS}) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == OPS


async def test_pages_of_other_origins_may_not(guarded: Asking) -> None:
    client, _ = guarded
    other = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    async with client.options("/api/status", headers=other) as answer:
        assert answer.status == 403
    async with client.get("/api/status", headers={**BEARER, "Origin": "https://evil.example"}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_answers_are_not_kept_by_anybody(local: Asking) -> None:
    client, _ = local
    for path in ("/", "/live", "/api/config", "/nothing"):
        async with client.get(path) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
