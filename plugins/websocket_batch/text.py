"""`batch-json.v1`: messages as a JSON object in a text frame, for clients that would rather read JSON.

    {"v":1,"s":117,"m":[…]}     every message is JSON and stands there as it came, octet by octet
    {"v":1,"s":117,"t":["…"]}   every message is a text, written as a JSON string

`s` is the number of the first message; where the others do not follow it one by one, `"n":[117,119]` behind `s` has
the number of each. A binary message goes alone, as a plain binary frame; it has a number all the same, which nobody
writes."""

import json
import re
from itertools import pairwise

import orjson

from gateway.api import CloseCode, WebSocketError, WebSocketMessage
from plugins.websocket_batch.formats import MOST_RECORDS, Frame, Items

TOKEN = "batch-json.v1"
_HEAD = re.compile(r'\{"v":1,"s":[0-9]{1,18}(?:,"n":\[[0-9,]*\])?,"m":\[')
_SPACE = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


class Json:
    """Encodes batches. One for each connection and direction."""

    numbers = True

    def encode(self, items: Items) -> list[Frame]:
        """A frame for each run of texts, one for each binary message."""
        frames: list[Frame] = []
        run: list[tuple[int, bytes]] = []
        for number, item in items.items():
            if item[0] == 2:
                if run:
                    frames.append(_batch(run))
                    run = []
                frames.append(Frame(2, item[1], 1))
                continue
            run.append((number, item[1]))
            if len(run) == MOST_RECORDS:
                frames.append(_batch(run))
                run = []
        if run:
            frames.append(_batch(run))
        return frames


def _batch(run: list[tuple[int, bytes]]) -> Frame:
    numbers = [number for number, _ in run]
    named = b""
    if any(second != first + 1 for first, second in pairwise(numbers)):
        named = b',"n":[%b]' % b",".join(b"%d" % number for number in numbers)
    head = b'{"v":1,"s":%d%b' % (numbers[0], named)
    if all(_is_json(payload) for _, payload in run):
        content = b'%b,"m":[%b]}' % (head, b",".join([payload for _, payload in run]))
    else:
        texts = [payload.decode() for _, payload in run]
        content = b'%b,"t":%b}' % (head, orjson.dumps(texts))
    return Frame(1, content, len(run))


def _is_json(payload: bytes) -> bool:
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        return False
    return not payload.startswith(b"\xef\xbb\xbf")


def unpack(opcode: int, payload: bytes) -> list[WebSocketMessage]:
    """The messages of a frame. Raises WebSocketError: 1007 for what is no batch, 1009 for too many messages."""
    if opcode & 0xF == 2:
        return [(opcode, payload)]
    return [message for _, message in unpack_numbered(payload)]


def unpack_numbered(payload: bytes) -> list[tuple[int, WebSocketMessage]]:
    """The messages of a text frame, each with its number."""
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise _malformed() from None
    if not isinstance(document, dict) or document.get("v") != 1 or document.keys() - {"v", "s", "n", "m", "t"}:
        raise _malformed()
    first, numbers = document.get("s"), document.get("n")
    texts, values = document.get("t"), document.get("m")
    if not isinstance(first, int) or not _is_number(first) or (texts is None) == (values is None):
        raise _malformed()
    listed = values if texts is None else texts
    if isinstance(listed, list) and len(listed) > MOST_RECORDS:
        raise WebSocketError(CloseCode.TOO_BIG, "batch", f"more than {MOST_RECORDS} messages in a batch")
    contents = _texts(texts) if texts is not None else _values(payload, values)
    if numbers is None:
        numbers = range(first, first + len(contents))
    elif not isinstance(numbers, list) or len(numbers) != len(contents) or not all(map(_is_number, numbers)):
        raise _malformed()
    return [(number, (1, content)) for number, content in zip(numbers, contents, strict=True)]


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _texts(texts: object) -> list[bytes]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise _malformed()
    return [text.encode() for text in texts]


def _values(payload: bytes, values: object) -> list[bytes]:
    """The messages as they were written: numbers keep their digits, objects their order."""
    if not isinstance(values, list):
        raise _malformed()
    text = payload.decode()
    head = _HEAD.match(text)
    if head is None:  # written in another way: the same values, in our words
        return [orjson.dumps(value) for value in values]
    if not values:
        return []
    found: list[bytes] = []
    at = head.end()
    try:
        while True:
            begin = at
            _, at = _decode(text, _past_space(text, at))
            at = _past_space(text, at)
            found.append(text[begin:at].encode())
            if text[at] == "]":
                return found
            at += 1
    except (ValueError, IndexError, RecursionError):  # deeper than this reader goes
        raise _malformed() from None


def _past_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match is not None else at


def _malformed() -> WebSocketError:
    return WebSocketError(CloseCode.INVALID_DATA, "batch", "no batch-json.v1")
