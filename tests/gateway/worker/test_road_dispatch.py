"""Requests that plugins send through the gateway as if a client had sent them."""

from collections.abc import AsyncIterator

import pytest

from gateway.chain.registry import settings_of
from gateway.config import load_text
from tests.support.asking import ASKED, ASKING
from tests.support.noting import EVENTS
from tests.support.roads import get
from tests.support.running_road import NOTING, Running, running_road

CONFIGURATION = f"""
listen: 127.0.0.1:1
upstreams: {{app: {{servers: [http://127.0.0.1:PORT]}}}}
plugins: [{{'{ASKING}': off}}, {{'{NOTING}': {{label: LABEL}}}}]
routes:
  - {{name: front, match: /ask, plugins: {{'{ASKING}': {{}}, '{NOTING}': off}}}}
  - {{name: shop, match: /shop/*}}
"""


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    async with running_road() as running:
        ASKED.clear()
        await take(running, "a")
        running.road.serve([running.socket])
        yield running


async def take(running: Running, label: str) -> None:
    """Take a configuration in which the shop's plugin has this label, and one plugin asks."""
    text = CONFIGURATION.replace("PORT", str(running.origin.port)).replace("LABEL", label)
    await running.road.commit(await running.road.prepare(load_text(text, settings_of)))


async def ask(running: Running, path: str) -> bytes:
    reader, writer = await running.connect()
    writer.write(get(f"/ask?{path}"))
    return await reader.readuntil(b"\r\n\r\nok")


async def test_they_take_the_route_that_is_theirs_and_its_whole_chain(running: Running) -> None:
    assert running.labels(await ask(running, "/shop/1")) == "a"
    assert [(request.route, request.target) for request in ASKED] == [("shop", b"/shop/1")]


async def test_without_a_route_they_are_told_so(running: Running) -> None:
    assert b"X-Error: no_route" in await ask(running, "/nowhere")


async def test_after_a_reload_they_take_the_new_road(running: Running) -> None:
    reader, writer = await running.connect()
    writer.write(get("/ask?/shop/1"))
    assert running.labels(await reader.readuntil(b"\r\n\r\nok")) == "a"
    await take(running, "b")
    writer.write(get("/ask?/shop/1"))
    assert running.labels(await reader.readuntil(b"\r\n\r\nok")) == "b"
    assert "open b" in EVENTS


async def test_they_may_come_back_to_the_route_that_sent_them(running: Running) -> None:
    assert running.labels(await ask(running, "/ask?/shop/1")) == "a"
    assert [request.route for request in ASKED] == ["front", "shop"]
