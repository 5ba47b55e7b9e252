import io
import logging
from collections.abc import Iterator

import orjson
import pytest
import structlog

from gateway import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_away_from_a_terminal_every_line_is_json() -> None:
    stream = io.StringIO()
    logs.set_up(stream, role="worker")
    structlog.get_logger().warning("origin slow", upstream="app", path="a\nb")
    line = orjson.loads(stream.getvalue())
    assert {key: line[key] for key in ("event", "level", "upstream", "path", "role")} == {
        "event": "origin slow",
        "level": "warning",
        "upstream": "app",
        "path": "a\nb",
        "role": "worker",
    }
    assert stream.getvalue().count("\n") == 1


def test_at_a_terminal_a_person_can_read_it() -> None:
    stream = Terminal()
    logs.set_up(stream)
    structlog.get_logger().info("listening", address="127.0.0.1:8080")
    assert "listening" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_a_traceback_is_part_of_the_line() -> None:
    stream = io.StringIO()
    logs.set_up(stream)
    try:
        raise ValueError("boom")
    except ValueError as error:
        structlog.get_logger().error("failed", exc_info=error)
    assert "ValueError: boom" in orjson.loads(stream.getvalue())["exception"]


def test_what_libraries_log_joins_in_from_warning_on() -> None:
    stream = io.StringIO()
    logs.set_up(stream)
    logging.getLogger("asyncio").info("not this")
    logging.getLogger("asyncio").error("socket.send() raised %s", "x")
    line = orjson.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("socket.send() raised x", "error", "asyncio")


def test_octets_of_a_stranger_cannot_break_a_line() -> None:
    stream = io.StringIO()
    logs.set_up(stream)
    structlog.get_logger().info("odd", path="a\udcffb", octets=b"\xff")
    assert "udcff" in orjson.loads(stream.getvalue())["event"]
