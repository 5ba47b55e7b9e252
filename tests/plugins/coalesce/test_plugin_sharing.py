"""Nobody gets what was meant for somebody else."""

import pytest

from tests.support.coalescing import Call, Client, Coalesced, turns

ALICE = {"Cookie": "session=alice"}
BOB = {"Cookie": "session=bob"}
TOKEN = {"Authorization": "Bearer a"}


async def answered(room: Coalesced, clients: list[Client], fields: dict[str, str], status: int = 200) -> list[bytes]:
    """Answer calls one by one, each with its number, until nobody waits; what each client got."""
    done = 0
    while any(client.is_waiting for client in clients):
        call: Call = room.calls[done]
        call.answer(b"%d" % done, fields, status)
        done += 1
        await turns(40)
    return [client.body for client in clients]


@pytest.mark.parametrize("fields", [{"Set-Cookie": "a=1"}, {"Clear-Site-Data": '"*"'}, {"Vary": "*"}])
@pytest.mark.parametrize("who", [{}, ALICE, TOKEN])
async def test_what_is_for_one_client_is_for_one_client(fields: dict[str, str], who: dict[str, str]) -> None:
    room = Coalesced()
    clients = [room.ask(fields=who) for _ in range(5)]
    assert len(set(await answered(room, clients, fields))) == 5


@pytest.mark.parametrize(("who", "different"), [({}, 5), (ALICE, 1), (TOKEN, 1)])
@pytest.mark.parametrize("control", ["private", 'private="X-User"', "private, max-age=60"])
async def test_private_answers_are_shared_by_requests_of_one_user_alone(
    who: dict[str, str], different: int, control: str
) -> None:
    room = Coalesced()
    clients = [room.ask(fields=who) for _ in range(5)]
    assert len(set(await answered(room, clients, {"Cache-Control": control}))) == different


@pytest.mark.parametrize("control", ["no-store", "no-cache", "max-age=0", ""])
async def test_what_no_cache_may_store_is_shared_by_those_who_show_the_same(control: str) -> None:
    room = Coalesced()
    clients = [room.ask(fields=who) for who in ({}, ALICE, TOKEN) for _ in range(3)]
    assert await answered(room, clients, {"Cache-Control": control} if control else {}) == [
        b"0", b"0", b"0", b"1", b"1", b"1", b"2", b"2", b"2",
    ]  # fmt: skip


async def test_the_next_requests_for_what_was_for_one_client_do_not_wait() -> None:
    room = Coalesced()
    await answered(room, await room.several(3), {"Set-Cookie": "a=1"})
    before = len(room.calls)
    clients = await room.several(5)
    assert len(room.calls) == before + 5
    assert clients[1].why == ["set_cookie"]
    room.clock.advance(11)
    await room.several(5)
    assert len(room.calls) == before + 5, "that is forgotten, and one of the last is still under way"


async def test_those_turned_away_go_upstream_side_by_side_but_not_all_at_once() -> None:
    room = Coalesced(apart_at_once=4, remember="0s")
    clients = await room.several(20)
    room.calls[0].answer(b"0", {"Set-Cookie": "a=1"})
    await turns(40)
    assert len(room.calls) == 1 + 4
    for number in range(1, 20):
        assert len(room.calls) <= number + 4
        room.calls[number].answer(b"%d" % number)
        await turns(40)
    assert len({client.body for client in clients}) == 20
    assert room.counted("requests_total", outcome="apart") == 19


async def test_one_who_leaves_while_he_waits_for_his_turn_gives_it_up() -> None:
    room = Coalesced(apart_at_once=1)
    clients = await room.several(5)
    room.calls[0].answer(fields={"Set-Cookie": "a=1"})
    await turns(40)
    for client in clients[2:4]:
        client.leave()
    room.calls[1].answer(b"1")
    await turns(40)
    room.calls[2].answer(b"2")
    await turns(40)
    assert sorted([clients[1].body, clients[4].body]) == [b"1", b"2"]
    assert len(room.calls) == 3


async def test_what_turned_out_to_be_for_everybody_is_shared_by_everybody_from_then_on() -> None:
    room = Coalesced()
    public = {"Cache-Control": "public, max-age=60"}
    users = [{"Cookie": f"id={number}"} for number in range(10)]
    clients = [room.ask(fields=who) for who in users]
    assert len(room.calls) == 10
    await answered(room, clients, public)
    clients = [room.ask(fields=who) for who in (*users, TOKEN, {})]
    assert len(room.calls) == 11
    room.calls[10].answer(b"all", public)
    await turns()
    assert {client.body for client in clients} == {b"all"}


@pytest.mark.parametrize(
    "fields", [{}, {"Cache-Control": "no-store"}, {"Cache-Control": "private"}, {"Cache-Control": "max-age=60"}]
)
async def test_when_it_is_no_longer_for_everybody_it_is_shared_by_nobody_else(fields: dict[str, str]) -> None:
    room = Coalesced()
    users = [{"Authorization": f"Basic {number}"} for number in range(6)]
    await answered(room, [room.ask(fields=who) for who in users], {"Cache-Control": "public"})
    clients = [room.ask(fields=who) for who in users for _ in range(2)]
    assert len(room.calls) == 7
    room.calls[6].answer(b"first alone", fields)
    await turns(40)
    assert [client.body for client in clients[:2]] == [b"first alone"] * 2
    assert len(room.calls) == 12
    for number, call in enumerate(room.calls[7:]):
        call.answer(b"%d" % number, fields)
    await turns(40)
    bodies = [client.body for client in clients[2:]]
    assert bodies[::2] == bodies[1::2]
    assert len(set(bodies)) == 5
    assert room.counted("not_shared_total", reason="identity") == 10


async def test_vary_sends_those_who_differ_on_their_own_one_call_for_each_kind() -> None:
    room = Coalesced()
    clients = [room.ask(fields={"User-Agent": f"kind {number % 3}"}) for number in range(30)]
    assert len(room.calls) == 1
    room.calls[0].answer(b"0", {"Vary": "User-Agent"})
    await turns(40)
    assert len(room.calls) == 3
    room.calls[1].answer(b"1", {"Vary": "User-Agent"})
    room.calls[2].answer(b"2", {"Vary": "User-Agent"})
    await turns(40)
    assert [client.body for client in clients] == [b"%d" % (number % 3) for number in range(30)]
    again = [room.ask(fields={"User-Agent": f"kind {number % 3}"}) for number in range(30)]
    assert len(room.calls) == 6, "now it is known"
    assert room.counted("not_shared_total", reason="vary") == 20
    assert [client.why for client in again] == [[]] * 30


async def test_vary_on_fields_that_count_anyway_splits_nothing_more() -> None:
    room = Coalesced()
    clients = [room.ask(fields={"Accept": "a", "Cookie": "b=1"}) for _ in range(5)]
    room.calls[0].answer(fields={"Vary": "Accept, Cookie, Accept-Encoding"})
    await turns()
    assert {client.body for client in clients} == {b"content"}


@pytest.mark.parametrize("status", [400, 401, 403, 407, 421, 425, 429, 431, 451])
async def test_a_client_that_is_locked_out_locks_nobody_else_out(status: int) -> None:
    room = Coalesced()
    evil, *others = [room.ask(fields={"User-Agent": name}) for name in ("evil", "good", "good", "good")]
    room.calls[0].answer(b"no", status=status)
    await turns()
    assert evil.got.status == status
    assert len(room.calls) == 2
    room.calls[1].answer(b"yes")
    await turns()
    assert [(client.got.status, client.body) for client in others] == [(200, b"yes")] * 3


async def test_those_who_are_alike_to_the_octet_share_such_an_answer_too() -> None:
    room = Coalesced()
    clients = await room.several(3)
    room.calls[0].answer(b"no", status=401)
    await turns()
    assert [client.got.status for client in clients] == [401] * 3


@pytest.mark.parametrize("status", [204, 206, 301, 304, 404, 410, 416, 500, 503])
async def test_other_statuses_are_shared(status: int) -> None:
    room = Coalesced()
    clients = [room.ask(fields={"User-Agent": str(number)}) for number in range(5)]
    room.calls[0].answer(b"", status=status)
    await turns()
    assert [client.got.status for client in clients] == [status] * 5


async def test_cookies_that_are_nobodys_identity_split_nothing_where_the_settings_say_so() -> None:
    room = Coalesced(cookies=["session"])
    users = ["_ga=1", "_ga=2; theme=dark", "session=a; _ga=3", "_ga=4;session=a"]
    clients = [room.ask(fields={"Cookie": cookie}) for cookie in users]
    assert len(room.calls) == 2
    room.calls[0].answer(b"anybody")
    room.calls[1].answer(b"a", {"Cache-Control": "private"})
    await turns()
    assert [client.body for client in clients] == [b"anybody", b"anybody", b"a", b"a"]


async def test_a_page_that_varies_by_cookie_is_not_shared_by_those_whose_other_cookies_differ() -> None:
    room = Coalesced(cookies=["session"])
    clients = [room.ask(fields={"Cookie": cookie}) for cookie in ("theme=dark", "theme=light", "theme=dark")]
    room.calls[0].answer(b"dark", {"Vary": "Cookie"})
    await turns(40)
    room.calls[1].answer(b"light", {"Vary": "Cookie"})
    await turns(40)
    assert [client.body for client in clients] == [b"dark", b"light", b"dark"]


async def test_the_fields_of_the_settings_say_who_asks() -> None:
    room = Coalesced(identity=["X-Tenant"])
    clients = [room.ask(fields={"X-Tenant": name}) for name in ("a", "b", "a")]
    room.calls[0].answer(b"a", {"Cache-Control": "private"})
    room.calls[1].answer(b"b", {"Cache-Control": "private"})
    await turns()
    assert [client.body for client in clients] == [b"a", b"b", b"a"]


async def test_addresses_share_nothing_where_the_settings_say_so() -> None:
    room = Coalesced(client_address=True)
    for _ in range(3):
        for peer in ("192.0.2.1", "192.0.2.2"):
            room.ask(peer=peer)
    assert len(room.calls) == 2


async def test_nobody_is_shown_what_was_before_his_own_change() -> None:
    room = Coalesced()
    before = [room.ask(fields=ALICE), room.ask(fields=BOB)]
    change = room.ask("/other", fields=ALICE, method="POST")
    room.calls[2].answer(b"changed")
    after = [room.ask(fields=ALICE), room.ask(fields=BOB)]
    await turns()
    assert change.body == b"changed"
    assert len(room.calls) == 4, "Alice asks again, Bob does not"
    room.calls[3].answer(b"alice new")
    room.calls[0].answer(b"alice old")
    room.calls[1].answer(b"bob old")
    await turns()
    assert [client.body for client in (*before, *after)] == [b"alice old", b"bob old", b"alice new", b"bob old"]
    assert after[0].why[0] == "write"


async def test_without_an_identity_the_address_tells_whose_change_it_was() -> None:
    room = Coalesced()
    room.ask(peer="192.0.2.1")
    room.ask("/other", method="DELETE", peer="192.0.2.2")
    room.calls[1].answer()
    room.ask(peer="192.0.2.1")
    assert len(room.calls) == 2
    room.ask(peer="192.0.2.2")
    assert len(room.calls) == 3
