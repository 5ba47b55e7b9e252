from gateway.demo.prices import added, feeds, in_words, rows
from gateway.demo.reports import Prices
from gateway.demo.scrape import Scrape
from gateway.demo.snapshot import Addresses, Snapshot

EMPTY = Snapshot(elapsed=0.0, addresses=Addresses("a:1", "b:2", "c:3"))
DOWN = {"direction": "down"}
RUN = Snapshot(
    elapsed=10.0,
    addresses=EMPTY.addresses,
    window=10.0,
    prices=Prices((0.001,) * 1999 + (0.004,), (0.021,) * 1000 + (0.040,) * 900),
    scrape_window=10.0,
    after=Scrape(
        {
            "websocket_messages_total": (
                ({"route": "prices", **DOWN}, 2000.0),
                ({"route": "prices", "direction": "up"}, 7.0),
                ({"route": "prices-batched", **DOWN}, 2000.0),
            ),
            "websocket_batch_messages_count": (({"route": "prices-batched", **DOWN}, 200.0),),
            "websocket_writes_total": (
                ({"route": "prices", **DOWN}, 1500.0),
                ({"route": "prices-batched", **DOWN}, 205.0),
            ),
        }
    ),
)


def test_both_feeds_are_told_with_what_they_cost() -> None:
    found = feeds(RUN)
    assert found is not None
    single, batched = found
    assert (single.messages, single.frames, single.writes) == (200.0, 200.0, 150.0)
    assert (batched.messages, batched.frames, batched.writes) == (190.0, 20.0, 20.5)
    assert (single.delays.p50, batched.delays.p99) == (0.001, 0.040)


def test_they_stand_side_by_side() -> None:
    table = {name: cells for name, *cells in rows(RUN)}
    assert table["messages"] == ["200/s", "190/s"]
    assert table["frames to read"] == ["200/s", "20/s"]
    assert table["under way, p50"] == ["1.00 ms", "21.0 ms"]


def test_what_batches_add_is_the_difference() -> None:
    assert added(RUN) == "20.0 ms, p99 39.0 ms"


def test_a_feed_fits_into_a_line() -> None:
    found = feeds(RUN)
    assert found is not None
    assert in_words(found[1]) == "190 messages/s in 20 frames/s, 20 writes/s; under way 21.0 ms / 40.0 ms"


def test_before_the_first_message_there_is_nothing_to_say() -> None:
    assert feeds(EMPTY) is None
    assert rows(EMPTY) == ()
    assert added(EMPTY) == "–"
