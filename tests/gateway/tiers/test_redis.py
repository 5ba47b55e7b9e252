import asyncio
import time
from typing import Any

import pytest

from gateway.redis.errors import RedisReplyError
from gateway.tiers.tier import PurgeOrder
from tests.support.redis import needs_redis, redis_server, until
from tests.support.redis_tiering import Book, Replica, replica
from tests.support.tiering import record

pytestmark = needs_redis

NAME = b"http://a/"
SECRET = "REDIS_TIER_SECRET"


async def found(replica: Replica, name: bytes = NAME, known: Any = ()) -> list[bytes]:
    return sorted(each.record for each in await replica.tier.find(name, known))


@pytest.mark.parametrize("more", [{}, {"secret": SECRET}, {"compress_above": "off"}])
async def test_what_one_gateway_stores_another_finds(monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]) -> None:
    monkeypatch.setenv(SECRET, "s" * 40)
    with redis_server() as server:
        async with replica(server, **more) as one, replica(server, **more) as two:
            body = b"<html>" * 1000
            entry = record(NAME, body)
            assert one.tier.put(entry)
            await one.written()
            (got,) = await two.tier.find(NAME)
            assert (got.record, got.when, got.until) == (b"head " + body, entry.when, entry.until)
            assert not got.soft_purged
            assert await two.tier.find(b"http://b/") == []
            (value,) = [server.do("GET", key) for key in server.all_keys()]
            assert (len(value) < 1000) == ("compress_above" not in more)
            assert 3_000_000 < server.do("PTTL", server.all_keys()[0]) <= 3_600_000


async def test_with_a_secret_nothing_can_be_read_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "s" * 40)
    with redis_server() as server:
        async with replica(server, secret=SECRET) as one:
            one.tier.put(record(NAME, b"private matters"))
            await one.written()
            (key,) = server.all_keys()
            assert b"http" not in key
            assert b"private" not in server.do("GET", key)
            monkeypatch.setenv(SECRET, "t" * 40)
            async with replica(server, secret=SECRET) as other:
                assert await found(other) == []
        async with replica(server) as plain:
            assert await found(plain) == []
        monkeypatch.setenv(SECRET, "short")
        async with replica(server, secret=SECRET) as off:
            assert not off.tier.put(record(NAME))
            off.tier.drop(NAME, b"")
            assert await found(off) == []


async def test_variants_lie_side_by_side_and_only_what_is_new_is_found() -> None:
    with redis_server() as server:
        async with replica(server) as one, replica(server) as two:
            plain, zipped = record(NAME, b"plain"), record(NAME, b"zipped", variant=b"gzip")
            one.tier.put(plain)
            await one.written()
            two.tier.put(zipped)
            await two.written()
            assert await found(one) == [b"head plain", b"head zipped"]
            assert await found(one, known=[(b"", plain.when)]) == [b"head zipped"]
            assert await found(one, known=[(b"", plain.when), (b"gzip", zipped.when)]) == []
            assert one.counted("tier_lookups_total", outcome="unchanged") == 1
            assert len(server.all_keys()) == 1


async def test_a_later_answer_takes_the_place_of_an_earlier_one_and_never_the_other_way() -> None:
    with redis_server() as server:
        async with replica(server) as one, replica(server) as two:
            now = time.time()
            two.tier.put(record(NAME, b"late", when=now))
            await two.written()
            one.tier.put(record(NAME, b"early", when=now - 1))
            await one.written()
            assert await found(two) == [b"head late"]
            assert one.changed[-1] == [NAME]
            two.tier.put(record(NAME, b"later", when=now + 1))
            await two.written()
            assert await found(one) == [b"head later"]


async def test_others_hear_of_changes_and_whoever_makes_them_does_not() -> None:
    with redis_server() as server:
        async with replica(server) as one, replica(server) as two:
            for number in range(20):
                one.tier.put(record(b"http://a/%d" % number))
            await one.written()
            await until(lambda: sum(len(names or ()) for names in two.changed) == 20)
            assert one.changed == []
            server.do("FLUSHALL")
            await until(lambda: one.changed == [None] and two.changed[-1] is None)


async def test_what_was_removed_is_gone_for_all_and_an_earlier_answer_does_not_come_back() -> None:
    with redis_server() as server:
        async with replica(server) as one, replica(server) as two:
            entry = record(NAME, b"wrong")
            one.tier.put(entry)
            await one.written()
            two.tier.drop(NAME, b"")
            assert await found(two) == []
            await two.written()
            await until(lambda: one.changed)
            (gone,) = await one.tier.find(NAME, [(b"", entry.when)])
            assert (gone.gone, gone.record) == (b"", b"")
            assert await one.tier.find(NAME) == []
            one.tier.put(entry)
            await one.written()
            assert await found(two) == []
            one.tier.put(record(NAME, b"right", when=time.time()))
            await one.written()
            assert await found(two) == [b"head right"]


async def test_purges_are_the_books_business() -> None:
    with redis_server() as server:
        book = Book()
        async with replica(server, book) as one:
            one.tier.put(record(NAME, marks=(7,)))
            await one.written()
            assert one.tier.mark == 1
            assert len(await found(one)) == 1
            assert book.asked == [(NAME, 7)]
            book.answer = False
            assert [each.soft_purged for each in await one.tier.find(NAME)] == [True]
            await one.tier.purge(PurgeOrder(labels=(b"a",)))
            assert book.orders == [PurgeOrder(labels=(b"a",))]
            book.is_current = False
            assert await found(one) == []
            book.is_current, book.answer = True, True
            assert await found(one) == []
            assert one.counted("tier_purged_total") == 1


async def test_what_is_too_large_is_not_kept_and_what_it_replaces_goes() -> None:
    with redis_server() as server:
        async with replica(server, max_entry="1KiB") as one:
            one.tier.put(record(NAME, b"small", when=time.time() - 1))
            await one.written()
            assert not one.tier.put(record(NAME, b"x" * 2000))
            await one.written()
            assert await found(one) == []
            assert one.counted("tier_dropped_total", reason="too_large") == 1


async def test_what_does_not_fit_into_the_queue_is_not_written() -> None:
    with redis_server() as server:
        async with replica(server, queue="1KiB") as one:
            assert not one.tier.put(record(NAME, b"x" * 2000))
            assert one.counted("tier_dropped_total", reason="queue") == 1


@pytest.mark.parametrize("spoil", ["nonsense", "cut", "flipped", "list"])
async def test_what_cannot_be_read_is_removed(spoil: str) -> None:
    with redis_server() as server:
        async with replica(server) as one:
            one.tier.put(record(NAME, b"content"))
            await one.written()
            (key,) = server.all_keys()
            value = bytearray(server.do("GET", key))
            value[-1] ^= 1
            server.do("DEL", key)
            if spoil == "list":
                server.do("LPUSH", key, "x")
            else:
                spoilt = {"nonsense": b"what", "cut": bytes(value[:-3]), "flipped": bytes(value)}
                server.do("SET", key, spoilt[spoil])
            assert await found(one) == []
            if spoil == "list":
                one.tier.put(record(NAME, b"again"))
            await until(lambda: server.do("STRLEN", key) <= 28 if server.do("TYPE", key) != b"list" else False)
            one.tier.put(record(NAME, b"again", when=time.time() + 1))
            await one.written()
            assert await found(one) == [b"head again"]


async def test_look_ups_of_one_turn_are_one_command() -> None:
    with redis_server() as server:
        async with replica(server) as one:
            for number in range(10):
                one.tier.put(record(b"http://a/%d" % number))
            await one.written()
            got = await asyncio.gather(*(one.tier.find(b"http://a/%d" % number) for number in range(10)))
            assert all(got)
            assert server.calls("mget") == 1
            entry = record(NAME)
            one.tier.put(entry)
            await one.written()
            before = server.calls("evalsha")
            await asyncio.gather(*(one.tier.find(NAME, [(b"", entry.when)]) for _ in range(10)))
            assert server.calls("evalsha") - before <= 2  # and once more in full, if the server had not seen it


async def test_without_redis_nothing_is_found_and_what_was_in_doubt_stays_so() -> None:
    with redis_server() as server:
        async with replica(server) as one:
            entry = record(NAME)
            server.kill()
            await until(lambda: not one.redis.is_up)
            assert not one.tier.put(entry)
            assert await one.tier.find(NAME, [(b"", entry.when)]) == []
            one.tier.drop(b"http://b/", b"")
            assert one.changed == []
            server.start()
            await until(lambda: [NAME] in one.changed and None in one.changed)
            await one.written()
            assert len(server.all_keys()) == 1  # that something was removed is known to all from now on


async def test_a_user_with_few_rights_is_enough() -> None:
    rights = ("+@read", "+@write", "+@connection", "+@scripting", "+@pubsub", "+time")
    user = ("--user", "gateway", "on", ">pass", "~slipstream:*", "&slipstream:*", *rights)
    with redis_server(*user) as server:
        client = {"username": "gateway", "password": "pass"}
        async with replica(server, client=client) as one, replica(server, client=client) as two:
            heard: list[bytes] = []
            two.redis.subscribe(b"slipstream:news", heard.append)
            entry = record(NAME)
            one.tier.put(entry)
            await one.written()
            await until(lambda: two.changed == [[NAME]])
            assert await found(two) == [b"head body"]
            assert await found(two, known=[(b"", entry.when)]) == []
            two.tier.drop(NAME, b"")
            await two.written()
            assert await found(one) == []
            assert await one.redis.publish(b"slipstream:news", b"hello") == 1
            await until(lambda: heard == [b"hello"])
            assert await one.redis.script("return redis.call('TIME')", [b"slipstream:x"])
            with pytest.raises(RedisReplyError, match="NOPERM"):
                await one.redis.call("GET", "somebody:elses")
