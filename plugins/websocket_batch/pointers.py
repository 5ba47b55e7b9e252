"""Values inside JSON messages, found by a pointer (RFC 6901), without looking into messages that cannot have them."""

from typing import Any

import orjson


class Pointer:
    """One place in JSON documents: `/symbol`, `/data/key`."""

    __slots__ = ("_needle", "_steps")

    def __init__(self, text: str) -> None:
        """Raises ValueError with words for what is no pointer, or names a whole document."""
        if not text.startswith("/") or text == "/":
            raise ValueError("must be a pointer such as /symbol")
        self._steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/"))
        self._needle = self._steps[-1].encode()

    def may_be_in(self, payload: bytes) -> bool:
        """Whether it is worth reading the message. A name written with escapes is not found."""
        return self._needle in payload and payload.lstrip()[:1] == b"{"

    def find(self, document: Any) -> Any:
        """The value there, `None` when there is none."""
        for step in self._steps:
            if not isinstance(document, dict):
                return None
            document = document.get(step)
        return document


def read(payload: bytes) -> Any:
    """The JSON document in a message, `None` for what is none."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
