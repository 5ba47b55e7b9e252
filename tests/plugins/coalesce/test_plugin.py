"""What clients and origin see when requests for the same come at once."""

import pytest

from gateway.api import Decision, Handler, Request, Response
from plugins.coalesce import PLUGIN
from plugins.coalesce.reasons import ApartReason
from tests.support.coalescing import Coalesced, turns
from tests.support.plugins import make_request, make_response

PRIVATE = {"Cache-Control": "private"}


@pytest.fixture(params=[True, False], ids=["light", "task"])
def room(request: pytest.FixtureRequest) -> Coalesced:
    """Clients as the listener has them, and clients in ordinary tasks."""
    return Coalesced(light=request.param)


async def test_requests_for_the_same_make_one_call_and_all_get_its_answer(room: Coalesced) -> None:
    clients = await room.several(200)
    (call,) = room.calls
    call.answer(b"slow", {"Cache-Control": "no-store", "X-Page": "1"}, status=203)
    await turns()
    assert {(client.body, client.got.status) for client in clients} == {(b"slow", 203)}
    assert {client.got.fields.get(b"x-page") for client in clients} == {b"1"}
    assert [client.why for client in clients].count(["followed"]) == 199
    assert room.counted("upstream_calls_saved_total") == 199
    assert room.counted("requests_total", outcome="led") == 1
    assert room.is_idle


async def test_the_sweep_shows_who_waits() -> None:
    room = Coalesced(apart_at_once=1)
    await room.plugin.open()
    clients = await room.several(5)
    for sweep in room.sweeps:
        sweep()
    assert room.counted("waiting") == 4
    room.calls[0].answer(fields={"Set-Cookie": "a=1"})
    await turns(40)
    for sweep in room.sweeps:
        sweep()
    assert (room.counted("waiting"), room.counted("queued")) == (0, 3)
    for client in clients:
        client.leave()
    await room.plugin.close()


async def test_each_response_is_its_own(room: Coalesced) -> None:
    first, second, third = await room.several(3)
    room.calls[0].answer(fields={"X-Page": "1"})
    await turns()
    first.got.fields.set(b"X-Page", b"changed")
    second.got.fields.remove(b"x-page")
    assert third.got.fields.get(b"x-page") == b"1"


async def test_the_next_request_after_an_answer_asks_again(room: Coalesced) -> None:
    await room.several(2)
    room.calls[0].answer()
    await turns()
    later = room.ask()
    await turns()
    assert len(room.calls) == 2
    room.calls[1].answer(b"newer")
    await turns()
    assert later.body == b"newer"


async def test_a_request_without_company_passes_as_it_is(room: Coalesced) -> None:
    client = room.ask(fields={"X-A": "1"})
    await turns()
    given = make_response(200, {"Set-Cookie": "a=1"}, b"mine")
    given.described_length = 7
    room.calls[0].give(given)
    await turns()
    assert client.body == b"mine"
    assert client.got.described_length == 7
    assert room.calls[0]["x-a"] == "1"
    assert client.why == []
    assert room.counted("requests_total", outcome="alone") == 1
    assert room.is_idle


async def test_an_answer_at_once_costs_no_flight() -> None:
    room = Coalesced()
    room.origin.at_once = lambda request: make_response(body=b"at hand")
    assert room.ask().body == b"at hand"  # in the very call that brought the request
    assert room.is_idle


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"target": "/a"}, {"target": "/b"}),
        ({"target": "/?a"}, {"target": "/?b"}),
        ({}, {"method": "HEAD"}),
        ({}, {"authority": "other.example"}),
        ({}, {"scheme": "https"}),
        ({}, {"fields": {"Range": "bytes=0-1"}}),
        ({"fields": {"If-None-Match": '"a"'}}, {"fields": {"If-None-Match": '"b"'}}),
        ({"fields": {"Accept-Encoding": "gzip"}}, {"fields": {"Accept-Encoding": "br"}}),
        ({"fields": {"X-Api-Key": "a"}}, {"fields": {"X-Api-Key": "b"}}),
        ({"fields": {"Authorization": "Basic a"}}, {"fields": {"Authorization": "Basic b"}}),
        ({"fields": {"Cookie": "a=1"}}, {}),
    ],
)
async def test_requests_that_differ_share_nothing(
    room: Coalesced, first: dict[str, object], second: dict[str, object]
) -> None:
    clients = [room.ask(**first), room.ask(**second), room.ask(**first), room.ask(**second)]  # type: ignore[arg-type]  # mixed
    await turns()
    assert len(room.calls) == 2
    room.calls[0].answer(b"first", PRIVATE if "fields" in first else ())
    room.calls[1].answer(b"second")
    await turns()
    bodies = [client.body for client in clients if not client.is_waiting]
    assert set(bodies) <= {b"first", b"second"}
    assert clients[1].body == clients[3].body == b"second"


@pytest.mark.parametrize(
    "name", ["User-Agent", "X-Request-Id", "traceparent", "X-Forwarded-For", "Sec-CH-UA-Mobile", "X-B3-TraceId"]
)
async def test_fields_that_make_no_difference_split_nothing(room: Coalesced, name: str) -> None:
    clients = [room.ask(fields={name: str(number)}) for number in range(5)]
    await turns()
    (call,) = room.calls
    call.answer()
    await turns()
    assert all(client.body == b"content" for client in clients)


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: make_request("POST", body=b"x"),
        lambda: make_request("PUT"),
        lambda: make_request("TRACE"),
        lambda: make_request("GET", body=b"x"),
        lambda: make_request("PROPFIND"),
    ],
)
async def test_what_changes_or_carries_something_is_never_shared(room: Coalesced, request_of) -> None:  # type: ignore[no-untyped-def]  # a lambda
    for _ in range(3):
        room.send(request_of())
    await turns()
    assert len(room.calls) == 3
    for call in room.calls:
        call.answer()
    await turns()
    assert room.is_idle


async def test_upgrades_are_never_shared(room: Coalesced) -> None:
    for _ in range(3):
        request = make_request()
        request.upgrade = b"websocket"
        room.send(request)
    await turns()
    assert len(room.calls) == 3


async def test_a_request_that_avoids_a_server_does_not_wait_for_the_exchange_that_may_have_failed_it(
    room: Coalesced,
) -> None:
    await room.several(2)
    request = make_request()
    request.avoid = frozenset({"http://10.0.0.1"})
    again = room.send(request)
    await turns()
    assert len(room.calls) == 2
    room.calls[1].answer(b"elsewhere")
    await turns()
    assert again.body == b"elsewhere"


async def test_a_query_with_the_same_content_is_shared(room: Coalesced) -> None:
    same = [room.ask(method="QUERY", body=b"select 1") for _ in range(3)]
    other = room.ask(method="QUERY", body=b"select 2")
    await turns()
    assert [call.request.body for call in room.calls] == [b"select 1", b"select 2"]
    room.calls[0].answer(b"one")
    room.calls[1].answer(b"two")
    await turns()
    assert [client.body for client in (*same, other)] == [b"one"] * 3 + [b"two"]


async def test_a_query_with_too_much_content_goes_on_its_own() -> None:
    room = Coalesced(max_body="1KiB")
    for _ in range(2):
        room.ask(method="QUERY", body=b"x" * 1025)
    assert len(room.calls) == 2


async def test_early_hints_reach_all_who_wait_and_those_who_come_later(room: Coalesced) -> None:
    clients = await room.several(3)
    room.calls[0].hint("</a.css>")
    later = room.ask()
    await turns()
    room.calls[0].hint("</b.css>")
    leads, *followers = clients
    assert [client.hints for client in followers] == [[b"</a.css>", b"</b.css>"]] * 2
    assert leads.hints == later.hints == [b"</a.css>", b"</b.css>"]
    room.calls[0].answer()
    await turns()
    assert room.is_idle


async def test_what_the_exchange_was_like_is_told_to_everybody(room: Coalesced) -> None:
    first, second = await room.several(2)
    upstream = room.calls[0].request
    upstream.served_by = "http://10.0.0.1"
    upstream.attributes = {"circuit": "closed"}
    room.clock.advance(2.5)
    room.calls[0].answer()
    await turns()
    for client in (first, second):
        assert client.request.served_by == "http://10.0.0.1"
        assert client.request.attributes == {"circuit": "closed"}
    assert second.request.upstream_wait == 2.5


async def test_the_word_of_plugins_in_front_stays_with_its_request(room: Coalesced) -> None:
    clients = []
    for number in range(2):
        request = make_request()
        request.attributes = {"span": number}
        clients.append(room.send(request))
    await turns()
    attributes = room.calls[0].request.attributes
    assert attributes == {"span": 0}
    attributes["circuit"] = "closed"
    room.calls[0].answer()
    await turns()
    assert [client.request.attributes for client in clients] == [
        {"span": 0, "circuit": "closed"},
        {"span": 1, "circuit": "closed"},
    ]


async def test_trails_of_plugins_behind_are_those_of_the_first_request(room: Coalesced) -> None:
    first, second = await room.several(2)
    room.calls[0].request.note(Decision("circuit", ApartReason.FAILED))
    room.calls[0].answer()
    await turns()
    assert [decision.by for decision in first.request.trail].count("circuit") == 1
    assert [decision.by for decision in second.request.trail].count("circuit") == 0
    assert (first.why, second.why) == (["led"], ["followed"])


async def test_more_followers_than_one_exchange_may_have_follow_another() -> None:
    room = Coalesced(followers=2)
    clients = await room.several(6)
    assert len(room.calls) == 2
    for call in room.calls:
        call.answer()
    await turns()
    assert [client.body for client in clients] == [b"content"] * 6
    assert room.counted("not_shared_total", reason="full") == 1
    assert room.is_idle


async def test_it_may_stand_before_the_replay_lane_and_behind_a_cache() -> None:
    assert PLUGIN.replay_safe
    assert "cache" in PLUGIN.after


async def test_the_short_way_goes_past_it() -> None:
    room = Coalesced()
    response = Response(200, make_request().fields)
    short = room.plugin.wrap_at_once(lambda request: response)
    assert short is not None
    assert short(make_request()) is response
    assert room.plugin.wrap_at_once(None) is None


async def test_exchanges_may_reach_further_than_this_worker() -> None:
    """The seam for exchanges that workers share: followers know nothing of it."""

    class Further(PLUGIN):
        def reach(self, inner: Handler) -> Handler:
            async def fetch(request: Request) -> Response:
                if request.target == b"/elsewhere":
                    return make_response(body=b"from a neighbour")
                return await inner(request)

            return fetch

    room = Coalesced()
    handle = Further(PLUGIN.Settings(), room.runtime).wrap(room.origin)
    request = make_request(target="/elsewhere")
    assert (await handle(request)).body == b"from a neighbour"
    assert room.calls == []
    room.handle = handle
    clients = await room.several(3)
    assert len(room.calls) == 1
    room.calls[0].answer(b"from here")
    await turns()
    assert [client.body for client in clients] == [b"from here"] * 3


async def test_what_needs_no_wait_passes_by_the_short_way_unless_there_is_an_exchange_to_wait_for() -> None:
    room, answer = Coalesced(), make_response(503)
    at_once = room.plugin.wrap_at_once(lambda request: answer)
    assert at_once is not None
    assert at_once(make_request("GET", "/page")) is answer
    client = room.ask("/page")
    await turns()
    assert at_once(make_request("GET", "/page")) is None
    assert at_once(make_request("GET", "/other")) is answer
    room.calls[0].answer()
    await turns()
    assert client.got.status == 200
    assert at_once(make_request("GET", "/page")) is answer
    assert room.plugin.wrap_at_once(None) is None
