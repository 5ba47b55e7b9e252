import asyncio
from typing import Any

import pytest

from loadtests import redis as tool
from tests.support.redis import RedisServer, needs_redis, redis_server


@needs_redis
def test_a_part_can_be_chosen_and_a_promise_that_was_not_kept_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def rows(server: RedisServer) -> list[list[str]]:
        seen.append("cost")
        return [["look-up", "1", "1.0", "1.0", "1"]]

    async def faults(server: RedisServer) -> bool:
        seen.append("faults")
        return False

    def run(work: Any) -> Any:
        return asyncio.run(work)

    monkeypatch.setattr(tool, "table", rows)
    monkeypatch.setattr(tool, "faults", faults)
    monkeypatch.setattr("uvloop.run", run)
    monkeypatch.setattr("sys.argv", ["redis", "cost"])
    assert tool.measure() == 0
    monkeypatch.setattr("sys.argv", ["redis"])
    assert tool.measure() == 1
    assert seen == ["cost", "cost", "faults"]


@needs_redis
def test_the_server_of_a_measurement_answers() -> None:
    with redis_server() as server:
        assert server.do("PING") in (True, b"PONG", "PONG")
