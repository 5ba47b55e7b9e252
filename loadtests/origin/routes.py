"""What each target answers.

| target | answer |
|---|---|
| `/json/1k` `/json/10k` `/json/100k` | a fixed document, `no-store`; the fast path |
| `/cacheable/1k` `/cacheable/10k` `/cacheable/100k` | the same with `max-age=60`; 304 when `If-None-Match` fits |
| `/cacheable/1k/SECONDS` and so on | the same with `max-age=SECONDS` |
| `/calls` | `{"calls": N}`: how many requests it answered, without these and without those of the fast path |
| `/sink` | reads the whole content, answers `{"received": N}` |
| `/sink/checked` | the same with the CRC-32 of what it read |
| `/slow/MILLISECONDS` | 1 KB after a delay |
| `/chunked/COUNT/SIZE` | COUNT chunks of SIZE octets |
| `/large/SIZE` | SIZE octets, written as fast as they are read |
| `/reset` | resets the connection without an answer |
| `/cut` | announces 10,000 octets, sends half, resets |
"""

from dataclasses import dataclass

from loadtests.origin.content import KIB, json_content

DOCUMENTS = {"1k": json_content(KIB), "10k": json_content(10 * KIB), "100k": json_content(100 * KIB)}
FIXED = {f"/json/{name}": content for name, content in DOCUMENTS.items()}

CUT_ANNOUNCED = 10_000
"""Octets `/cut` promises; it sends half of them."""


@dataclass(frozen=True, slots=True)
class Document:
    """A known content, now or after `delay` seconds."""

    content: bytes
    cache_control: str = "no-store"
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Sink:
    """Reads everything, then says how much it was."""

    checked: bool


@dataclass(frozen=True, slots=True)
class Chunked:
    """A content of unknown length (RFC 9112 §7.1)."""

    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Large:
    """`size` octets, as fast as they are read."""

    size: int


@dataclass(frozen=True, slots=True)
class Reset:
    """A connection reset, before the answer or in the middle of its content."""

    after_half: bool


@dataclass(frozen=True, slots=True)
class Calls:
    """How often the origin was asked for anything but the documents of the fast path, and for this."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """No such target."""


Answer = Document | Sink | Chunked | Large | Reset | Calls | NotFound


def answer(target: str) -> Answer:
    """What to answer a request for `target`; its query is ignored."""
    match target.partition("?")[0].split("/")[1:]:
        case ["json", name] if name in DOCUMENTS:
            return Document(DOCUMENTS[name])
        case ["cacheable", name] if name in DOCUMENTS:
            return Document(DOCUMENTS[name], cache_control="max-age=60")
        case ["cacheable", name, seconds] if name in DOCUMENTS and seconds.isdecimal():
            return Document(DOCUMENTS[name], cache_control=f"max-age={seconds}")
        case ["sink"]:
            return Sink(checked=False)
        case ["sink", "checked"]:
            return Sink(checked=True)
        case ["slow", milliseconds] if milliseconds.isdecimal():
            return Document(DOCUMENTS["1k"], delay=int(milliseconds) / 1000)
        case ["chunked", count, size] if count.isdecimal() and size.isdecimal() and int(size) > 0:
            return Chunked(int(count), int(size))
        case ["large", size] if size.isdecimal():
            return Large(int(size))
        case ["calls"]:
            return Calls()
        case ["reset"]:
            return Reset(after_half=False)
        case ["cut"]:
            return Reset(after_half=True)
        case _:
            return NotFound()
