import time

from gateway.tiers import redis_writer
from tests.support.redis import needs_redis, redis_server, until
from tests.support.redis_tiering import replica
from tests.support.tiering import record

pytestmark = needs_redis


class Lease:
    """A lease that keeps what it is told."""

    key, token, name = b"slipstream:lease:{=http://a/}", b"7", b"name"

    def __init__(self) -> None:
        self.told: list[bool] = []

    def written(self, *, stored: bool) -> None:
        self.told.append(stored)


async def test_a_full_redis_costs_nothing_but_the_records_and_is_used_again_when_it_has_room() -> None:
    with redis_server() as server:
        async with replica(server) as one:
            await one.redis.script("return 1", [])
            one.tier.put(record(b"http://a/"))
            await one.written()
            server.do("CONFIG", "SET", "maxmemory", "1")
            one.tier.put(record(b"http://b/"))
            await one.written()
            assert one.counted("tier_dropped_total", reason="failed") == 1
            assert not one.tier.put(record(b"http://c/"))
            assert len(await one.tier.find(b"http://a/")) == 1
            one.tier.drop(b"http://a/", b"")
            await one.written()
            assert await one.tier.find(b"http://a/") == []
            server.do("CONFIG", "SET", "maxmemory", "0")
            await until(lambda: one.tier.put(record(b"http://d/")))
            await one.written()
            assert len(await one.tier.find(b"http://d/")) == 1


async def test_a_redis_that_only_reads_is_read_and_removals_wait() -> None:
    with redis_server() as server:
        async with replica(server) as one:
            one.tier.put(record(b"http://a/"))
            one.tier.put(record(b"http://b/"))
            await one.written()
            server.do("CONFIG", "SET", "min-replicas-to-write", "1")
            one.tier.put(record(b"http://c/"))
            await until(lambda: one.counted("tier_dropped_total", reason="failed") == 1)
            one.tier.drop(b"http://a/", b"")
            assert len(await one.tier.find(b"http://b/")) == 1
            assert await one.tier.find(b"http://a/") == []
            server.do("CONFIG", "SET", "min-replicas-to-write", "0")
            await one.written()
            assert len(server.do("GET", "slipstream:e:{=http://a/}")) == 28


async def test_an_answer_whose_lease_is_lost_is_not_written() -> None:
    with redis_server() as server:
        async with replica(server) as one:
            lease, lost = Lease(), Lease()
            server.do("HSET", lease.key, "state", "held", "token", "7")
            one.tier.put(record(b"http://a/", lease=lease))
            await one.written()
            one.tier.put(record(b"http://a/", b"late", when=time.time() + 1, lease=lost))
            await one.written()
            assert (lease.told, lost.told) == ([True], [False])
            assert [each.record for each in await one.tier.find(b"http://a/")] == [b"head body"]


async def test_a_lease_hears_of_a_record_that_cannot_be_written() -> None:
    with redis_server() as server:
        async with replica(server) as one:
            server.kill()
            await until(lambda: not one.redis.is_up)
            lease = Lease()
            assert not one.tier.put(record(b"http://a/", lease=lease))
            assert lease.told == [False]


async def test_large_records_are_made_ready_elsewhere() -> None:
    with redis_server() as server:
        async with replica(server) as one:
            body = b"0123456789abcdef" * (redis_writer.LARGE // 8)
            one.tier.put(record(b"http://a/", body))
            await one.written()
            assert [each.record for each in await one.tier.find(b"http://a/")] == [b"head " + body]
            assert len(server.do("GET", server.all_keys()[0])) < len(body) // 10


async def test_what_waits_is_written_before_the_end() -> None:
    with redis_server() as server:
        async with replica(server) as one:
            for number in range(500):
                one.tier.put(record(b"http://a/%d" % number))
        assert len(server.all_keys()) == 500
