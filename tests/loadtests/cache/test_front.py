"""The gateway of the cache's load test."""

from loadtests.cache.clients import ask_all, connect
from loadtests.cache.front import front
from loadtests.support.cores import Placement

ANYWHERE = Placement(frozenset(), frozenset(), frozenset())


async def test_it_is_purged_and_configured_and_asked_for_its_metrics() -> None:
    async with front(ANYWHERE, memory="8MiB") as running:
        clients = await connect(running.port, 2)
        answers = await ask_all(clients, ["/tagged/1", "/tagged/2"])
        assert {answer.status for answer in answers} == {200}
        await running.until_metric("slipstream_cache_entries", 2, 3)
        await running.configure(memory="4MiB")
        assert all(answer.is_hit for answer in await ask_all(clients, ["/tagged/1", "/tagged/2"]))
        told = await running.purge(tag="all")
        assert (told["count"], told["acknowledged"]) == (2, 1)
        for client in clients:
            client.close()
    assert running.shelf.asked["/tagged/1"] == 1
