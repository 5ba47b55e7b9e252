"""The replay lane gives an answer again while its stored response lives, never to a head that could want another."""

import asyncio

import pytest

from gateway.figures import Figures
from gateway.http.fields import Fields
from gateway.http.message import Downstream, Monotonic, Request, Response
from gateway.listener.figures import RouteFigures
from gateway.listener.replay import ReplayLane, kind_of
from tests.support.roads import Lane, make_front

HEAD = b"GET /things HTTP/1.1\r\nHost: app.test\r\nX-Request-Id: 1\r\n\r\n"
OTHER = b"GET /things HTTP/1.1\r\nHost: app.test\r\nX-Request-Id: 2\r\n\r\n"


class Stored:
    """A stored response as a store hands it on."""

    def __init__(self, *, until: float = 2e9, reads: frozenset[bytes] = frozenset()) -> None:
        self.alive = True
        self.until = Monotonic(until)
        self.reads = reads
        self.uses = 0
        self.rendered = 0
        self.holds = 2e9

    def lines(self, now: float) -> tuple[bytes, float]:
        self.rendered += 1
        return b"Age: %d\r\n" % self.rendered, self.holds

    def used(self, times: int) -> None:
        self.uses += times


class Shop:
    """A handler that answers from `stored`, as a store in the chain would."""

    def __init__(self, stored: Stored | None, content: bytes = b"content") -> None:
        self.stored = stored
        self.content = content
        self.asked = 0

    async def __call__(self, request: Request) -> Response:
        self.asked += 1
        response = Response(200, Fields([(b"Date", b"x"), (b"Age", b"0")]), self.content)
        response.replay = self.stored
        response.replay_lines = b"Age: 0\r\n"
        return response


def lane_of(limit: int, figures: Figures | None = None) -> ReplayLane:
    lane = ReplayLane(figures or Figures.in_memory())
    lane.configure(limit, ())
    return lane


def offer(lane: ReplayLane, head: bytes, content: bytes = b"x", stored: Stored | None = None) -> None:
    answer = b"HTTP/1.1 200 OK\r\nAge: 0\r\n\r\n"
    figures = RouteFigures(Figures.in_memory(), "r", [])
    lane.offer(lane.tables[0], head, answer, content, b"Age: 0\r\n", stored or Stored(), figures, 200)


def replaying(shop: Shop) -> Lane:
    front, _, log = make_front(shop)
    log.enabled = False
    route = front.router(Request("GET", b"/", Fields()))
    assert route is not None
    route.may_replay = True
    return Lane(shop, front=front)


async def test_the_second_time_the_chain_is_not_asked() -> None:
    stored = Stored()
    shop = Shop(stored)
    lane = replaying(shop)
    lane.send(HEAD)
    lane.send(HEAD)
    lane.send(HEAD)
    assert shop.asked == 1
    lane.front.lane.tally()
    lane.front.lane.tally()
    assert stored.uses == 2
    answers = lane.sent.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert [answer.partition(b"Age: ")[2][:1] for answer in answers] == [b"0", b"1", b"1"]
    assert all(answer.endswith(b"content") for answer in answers)


async def test_an_answer_by_the_lane_is_the_chains_but_for_what_time_changes() -> None:
    lane = replaying(Shop(Stored()))
    lane.send(HEAD)
    lane.send(HEAD)
    first, second = lane.sent.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert first.replace(b"Age: 0", b"Age: 1") == second


async def test_a_field_that_decides_nothing_makes_no_difference() -> None:
    shop = Shop(Stored())
    lane = replaying(shop)
    lane.send(HEAD)
    lane.send(OTHER)
    assert shop.asked == 1


async def test_a_field_that_the_answer_depends_on_does() -> None:
    shop = Shop(Stored(reads=frozenset({b"x-request-id"})))
    lane = replaying(shop)
    lane.send(HEAD)
    lane.send(OTHER)
    lane.send(HEAD)
    assert shop.asked == 2


async def test_an_answer_for_heads_without_a_field_is_not_for_those_with_it() -> None:
    shop = Shop(Stored(reads=frozenset({b"x-request-id"})))
    lane = replaying(shop)
    without = HEAD.replace(b"X-Request-Id: 1\r\n", b"")
    lane.send(without)
    lane.send(HEAD)
    assert shop.asked == 2
    lane.send(without)
    assert shop.asked == 2


async def test_an_answer_that_was_replaced_sends_only_the_first_connection_to_the_chain() -> None:
    shop = Shop(Stored())
    first = replaying(shop)
    others = [Lane(shop, front=first.front) for _ in range(3)]
    for lane in (first, *others):
        lane.send(HEAD)
    assert shop.asked == 1
    assert isinstance(shop.stored, Stored)
    shop.stored.alive = False
    shop.stored = Stored()
    for _ in range(3):
        for lane in (first, *others):
            lane.send(HEAD)
    assert shop.asked == 2


async def test_an_answer_of_the_same_source_stays_in_its_place() -> None:
    lane, stored = lane_of(20_000), Stored()
    offer(lane, HEAD, stored=stored)
    (known,) = lane.tables[0].values()
    offer(lane, HEAD, stored=stored)
    assert list(lane.tables[0].values()) == [known]
    stored.alive = False
    offer(lane, HEAD, stored=stored)
    assert list(lane.tables[0].values()) != [known]


@pytest.mark.parametrize("change", ["gone", "stale"])
async def test_a_stored_response_that_is_gone_or_stale_ends_it_at_once(change: str) -> None:
    stored = Stored(until=2e9 if change == "gone" else 1.0)
    shop = Shop(stored)
    lane = replaying(shop)
    lane.send(HEAD)
    stored.alive = change != "gone"
    lane.send(HEAD)
    assert shop.asked == 2
    assert stored.uses == 0


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"X-Request-Id: 1", b"Range: bytes=0-1"),
        HEAD.replace(b"X-Request-Id: 1", b"Authorization: Basic x"),
        HEAD.replace(b"X-Request-Id: 1", b"Cookie: session=1"),
        HEAD.replace(b"X-Request-Id: 1", b"Connection: close"),
        HEAD.replace(b"X-Request-Id: 1", b"Connection: keep-alive, X-Other"),
        HEAD.replace(b"X-Request-Id: 1", b"Connection: keep-alive\r\nConnection: close"),
        HEAD.replace(b"X-Request-Id: 1", b"Connection: keep-alive-ish"),
        HEAD.replace(b"X-Request-Id: 1", b"Expect: 100-continue"),
        HEAD.replace(b"1.1", b"1.0"),
        HEAD.replace(b"GET", b"HEAD"),
    ],
)
async def test_heads_that_may_want_another_answer_always_go_through_the_chain(head: bytes) -> None:
    shop = Shop(Stored())
    lane = replaying(shop)
    lane.send(head)
    assert len(lane.front.lane) == 0


@pytest.mark.parametrize("line", [b"Connection: keep-alive", b"connection:Keep-Alive \t"])
async def test_a_client_that_says_it_will_stay_gets_its_answers_from_the_lane(line: bytes) -> None:
    shop = Shop(Stored())
    lane = replaying(shop)
    for _ in range(3):
        lane.send(HEAD.replace(b"X-Request-Id: 1", line))
    assert shop.asked == 1


async def test_pipelined_and_split_heads_go_through_the_chain() -> None:
    shop = Shop(Stored())
    lane = replaying(shop)
    lane.send(HEAD + HEAD)
    await asyncio.sleep(0)
    lane.send(HEAD[:20])
    lane.send(HEAD[20:])
    assert shop.asked == 3
    assert len(lane.front.lane) == 0


async def test_without_the_promise_of_the_chain_nothing_is_given_again() -> None:
    shop = Shop(Stored())
    lane = replaying(shop)
    route = lane.front.router(Request("GET", b"/", Fields()))
    assert route is not None
    route.may_replay = False
    lane.send(HEAD)
    lane.send(HEAD)
    assert shop.asked == 2


def test_an_answer_whose_changing_lines_were_changed_further_out_is_not_kept() -> None:
    lane = lane_of(20_000)
    figures = RouteFigures(Figures.in_memory(), "r", [])
    lane.offer(lane.tables[0], HEAD, b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n", b"c", b"Age: 0\r\n", Stored(), figures, 200)
    assert len(lane) == 0


async def test_a_large_content_is_not_copied() -> None:
    content = b"x" * 100_000
    shop = Shop(Stored(), content)
    lane = replaying(shop)
    lane.send(HEAD)
    lane.send(HEAD)
    assert shop.asked == 1
    assert lane.sent.count(content) == 2


def test_the_lane_is_bounded_in_octets_and_forgets_the_oldest() -> None:
    figures = Figures.in_memory()
    lane = lane_of(20_000, figures)
    for number in range(50):
        offer(lane, b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number, b"x" * 100)
    assert lane.used <= 20_000
    assert b"GET /49 HTTP/1.1\r\nHost: a\r\n\r\n" in lane.tables[0]
    assert b"GET /0 HTTP/1.1\r\nHost: a\r\n\r\n" not in lane.tables[0]
    assert figures.value("replays_dropped_total") == 50 - len(lane)
    lane.configure(20_000, ())
    assert (lane.used, len(lane)) == (0, 0)


def test_an_answer_larger_than_an_eighth_of_the_lane_is_not_kept() -> None:
    lane = lane_of(20_000)
    offer(lane, HEAD, b"x" * 3000)
    assert len(lane) == 0


def test_the_sweep_forgets_what_is_gone() -> None:
    lane, stored = lane_of(20_000), Stored()
    offer(lane, HEAD, stored=stored)
    lane.sweep()
    assert len(lane) == 1
    stored.alive = False
    lane.sweep()
    assert (lane.used, len(lane)) == (0, 0)


def test_no_octets_mean_no_lane() -> None:
    lane = lane_of(0)
    offer(lane, HEAD)
    assert len(lane) == 0


async def test_the_same_octets_over_tls_are_another_question() -> None:
    shop = Shop(Stored())
    lane = replaying(shop)
    lane.send(HEAD)
    secure = Lane(shop, front=lane.front, tls=True)
    secure.send(HEAD)
    assert shop.asked == 2
    secure.send(HEAD)
    lane.send(HEAD)
    assert shop.asked == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_trusted_proxys_octets_are_another_question(scheme: str) -> None:
    kinds = {kind_of(Downstream("192.0.2.1", each, trusted)) for each in ("http", "https") for trusted in (False, True)}
    assert kinds == {0, 1, 2, 3}
    assert kind_of(Downstream("a", scheme, True)) != kind_of(Downstream("a", scheme, False))


async def test_a_304_is_given_again_too() -> None:
    class Unchanged(Shop):
        async def __call__(self, request: Request) -> Response:
            response = await super().__call__(request)
            response.status, response.body = 304, b""
            return response

    shop = Unchanged(Stored())
    lane = replaying(shop)
    head = HEAD.replace(b"X-Request-Id: 1", b'If-None-Match: "a"')
    lane.send(head)
    lane.send(head)
    assert shop.asked == 1
    first, second = lane.sent.split(b"HTTP/1.1 304 Not Modified\r\n")[1:]
    assert first.replace(b"Age: 0", b"Age: 1") == second
    assert second.endswith(b"\r\n\r\n")


async def test_a_connection_that_repeats_its_head_gets_nothing_that_left_the_table() -> None:
    shop = Shop(Stored())
    lane = replaying(shop)
    for _ in range(3):
        lane.send(HEAD)
    assert shop.asked == 1
    lane.front.lane.configure(1 << 20, ())
    lane.send(HEAD)
    assert shop.asked == 2


async def test_what_left_the_table_is_not_kept_in_memory_by_connections() -> None:
    lane = replaying(Shop(stored := Stored(), b"x" * 10_000))
    lane.send(HEAD)
    lane.send(HEAD)
    replay = lane.connection.replay
    assert replay is not None
    assert len(replay.octets) > 10_000
    lane.front.lane.configure(1 << 20, ())
    assert (replay.octets, replay.content) == (b"", b"")
    assert stored.uses == 1, "what was given before is counted"


async def test_the_answer_is_written_anew_when_its_lines_no_longer_hold() -> None:
    stored = Stored()
    lane = replaying(Shop(stored))
    lane.send(HEAD)
    lane.send(HEAD)
    lane.send(HEAD)
    assert stored.rendered == 1
    stored.holds = 0.0
    lane.send(HEAD.replace(b"/things", b"/others"))
    lane.send(HEAD.replace(b"/things", b"/others"))
    lane.send(HEAD.replace(b"/things", b"/others"))
    assert stored.rendered == 3


async def test_all_octets_are_counted_though_the_lane_counts_late() -> None:
    lane = replaying(Shop(Stored()))
    longer = OTHER.replace(b"Id: 2", b"Id: 234567")
    for head in (HEAD, HEAD, OTHER, longer, longer):
        lane.send(head)
    lane.front.show()
    received = lane.front.figures.row[lane.front.figures.octets_in]
    assert received == 2 * len(HEAD) + len(OTHER) + 2 * len(longer)
    assert lane.front.figures.row[lane.front.figures.octets_out] == len(lane.sent)


async def test_a_connection_that_repeats_its_head_finds_the_next_answer_too() -> None:
    shop = Shop(first := Stored())
    lane = replaying(shop)
    for _ in range(3):
        lane.send(HEAD)
    first.alive = False
    shop.stored = Stored()
    for _ in range(4):
        lane.send(HEAD)
    assert shop.asked == 2
