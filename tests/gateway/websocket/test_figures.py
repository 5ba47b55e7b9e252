from gateway.figures import Figures
from gateway.websocket.figures import RouteFigures
from gateway.websocket.terms import Flush, Sending


def test_a_batch_is_counted_by_size_wait_and_reason() -> None:
    figures = Figures.in_memory(1 << 14)
    route = RouteFigures(figures, "live")
    for _ in range(3):
        route.down.sent([Sending(2, b"x", 10, 0.004, Flush.SIZE)], 12)
    labels = {"route": "live", "direction": "down"}
    assert figures.value("websocket_batch_messages", **labels) == 3
    assert figures.value("websocket_batch_wait_seconds", **labels) == 3
    assert figures.value("websocket_flush_total", reason="size", **labels) == 3
    assert figures.value("websocket_flush_total", reason="time", **labels) == 0
    assert figures.value("websocket_adaptive_target", **labels) == 12


def test_batches_that_go_together_are_all_counted() -> None:
    figures = Figures.in_memory(1 << 14)
    route = RouteFigures(figures, "live")
    first, more = Sending(2, b"x", 10, 0.004, Flush.SIZE), Sending(2, b"y", 10, 0.0, Flush.SIZE)
    route.down.sent([first, more, more, more, Sending(2, b"z", 1, 0.0, Flush.TIME)], 10)
    labels = {"route": "live", "direction": "down"}
    assert figures.value("websocket_batch_messages", **labels) == 5
    assert figures.value("websocket_batch_wait_seconds", **labels) == 5
    assert figures.value("websocket_flush_total", reason="size", **labels) == 4
    assert figures.value("websocket_flush_total", reason="time", **labels) == 1


def test_codes_that_strangers_choose_do_not_fill_the_page() -> None:
    figures = Figures.in_memory(1 << 14)
    route = RouteFigures(figures, "live")
    for code in (1000, 4000, 4001, 3999, None):
        route.closed(code, "client")
    told = {
        name: figures.value("websocket_close_total", route="live", code=name, by="client")
        for name in ("1000", "private", "none")
    }
    assert told == {"1000": 1, "private": 3, "none": 1}


def test_connections_go_up_and_down_by_mode() -> None:
    figures = Figures.in_memory(1 << 14)
    route = RouteFigures(figures, "live")
    route.connections("tunnel", 1)
    route.connections("framed", 1)
    route.connections("framed", -1)
    route.error("utf8")
    assert figures.value("websocket_connections", route="live", mode="tunnel") == 1
    assert figures.value("websocket_connections", route="live", mode="framed") == 0
    assert figures.value("websocket_protocol_errors_total", route="live", kind="utf8") == 1
