from gateway.api import Monotonic
from plugins.coalesce.explaining import explained
from plugins.coalesce.known import NOTHING, Fact
from plugins.coalesce.reasons import ApartReason
from plugins.coalesce.table import Place
from tests.support.coalescing import Coalesced, turns
from tests.support.plugins import make_request


def words(room: Coalesced, **how: str) -> tuple[object, object]:
    said = room.plugin.explain(make_request(**how))  # type: ignore[arg-type]  # texts alone
    assert str(said["why"]).endswith(".")
    return said["decision"], said["reason"]


async def test_what_would_become_of_a_request() -> None:
    room = Coalesced()
    assert words(room, method="POST") == ("pass", "method")
    assert words(room) == ("lead", "alone")
    clients = await room.several(2)
    assert words(room) == ("share", "followed")
    assert words(room, target="/other") == ("lead", "alone")
    stream = room.calls[0].stream()
    await turns()
    assert words(room) == ("share", "joined")
    room.clock.advance(5.0)
    assert words(room) == ("lead", "alone")
    stream.finish()
    assert words(room) == ("lead", "alone")
    assert all(client.is_whole for client in clients)


async def test_what_stands_in_its_way() -> None:
    room = Coalesced(followers=1)
    await room.several(2)
    assert words(room) == ("lead", "full")
    room.calls[0].answer(fields={"Set-Cookie": "a=1"})
    await turns()
    assert words(room) == ("pass", "set_cookie")


async def test_asking_changes_nothing() -> None:
    room = Coalesced()
    room.ask(fields={"Cookie": "a"})
    before = dict(room.plugin._exchanges.table.flights)
    words(room)
    assert room.plugin._exchanges.table.flights == before
    assert len(room.calls) == 1


def test_what_is_remembered_is_told() -> None:
    fact = Fact(Monotonic(60.0), for_everybody=True, vary=(b"user-agent", b"via"))
    said = explained(Place(None, None, None, fact), None, Monotonic(50.0))
    assert said["depends_on"] == "user-agent, via"
    assert said["remembered_for_seconds"] == 10.0
    assert said["last_answer"] == "for everybody"
    assert explained(Place(None, None, None, NOTHING), None, Monotonic(0.0)).keys() == {"decision", "reason", "why"}
    apart = explained(Place(None, None, None, Fact(Monotonic(1.0), ApartReason.PRIVATE)), None, Monotonic(0.0))
    assert (apart["decision"], apart["reason"]) == ("pass", "private")
