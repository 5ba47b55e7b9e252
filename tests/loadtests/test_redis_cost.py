import pytest

from loadtests import redis_cost
from tests.support.redis import needs_redis, redis_server


@needs_redis
async def test_look_ups_of_one_turn_are_counted_as_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_cost, "RECORDS", 64)
    monkeypatch.setattr(redis_cost, "LOOKUPS", 128)
    with redis_server() as server:
        rows = await redis_cost.table(server)
    alone = [row for row in rows if row[1] == "1"]
    together = [row for row in rows if row[1] == "64" and row[0].startswith("tier")]
    assert {row[-1] for row in alone} == {"1.000"}
    assert {row[-1] for row in together} == {"0.016"}
