"""The product's own log, set up in one place: JSON lines to standard error, or colours for a person at a terminal."""

import logging
import sys
from typing import TextIO

import orjson
import structlog
from structlog.typing import Processor


def _to_json(event: object, **options: object) -> str:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # lone surrogates, or nesting without end: better an ugly line than none
        return orjson.dumps({"event": ascii(event)}).decode()


def processors(for_people: bool) -> list[Processor]:
    """The steps from an event to a line."""
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=not for_people),
    ]
    if for_people:
        return [*common, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [
        *common,
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        structlog.processors.JSONRenderer(serializer=_to_json),
    ]


class _Forward(logging.Handler):
    """Hands what libraries log through the standard module to the same place."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def set_up(stream: TextIO | None = None, level: int = logging.INFO, **bound: object) -> None:
    """Send the logs of this process to `stream` (standard error); `bound` is added to every line.

    What libraries write through `logging` joins them from WARNING on."""
    to = stream if stream is not None else sys.stderr
    structlog.configure(
        processors=processors(to.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=to),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**bound)
    root = logging.getLogger()
    root.handlers[:] = [_Forward(logging.WARNING)]
    root.setLevel(logging.WARNING)
