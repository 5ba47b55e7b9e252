"""Lengths, control frames, reserved bits, opcodes and fragments (RFC 6455 §5)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.conformance.websocket.case import Case, chop
from tests.support.frames import frame

LENGTHS = (0, 1, 2, 124, 125, 126, 127, 128, 129, 255, 256, 65534, 65535, 65536, 65537)


def lengths() -> Iterator[Case]:
    """Every way to write a length (§5.2), whole and in pieces."""
    for opcode, size in product((1, 2), LENGTHS):
        payload = b"*" * size if opcode == 1 else bytes(at % 256 for at in range(size))
        sent = frame(opcode, payload)
        yield Case(f"length {opcode} {size}", (sent,), ((opcode, payload),))
        step = 1 if size < 300 else 997
        yield Case(f"length {opcode} {size} in pieces of {step}", chop(sent, step), ((opcode, payload),))
    for opcode, size, width in ((1, 0, 2), (1, 125, 2), (2, 125, 8), (2, 126, 8), (2, 65535, 8)):
        yield Case(f"length {size} in {width} octets", (frame(opcode, b"x" * size, width=width),), code=1002)
    yield Case("length with the highest bit", (frame(2, announced=1 << 63),), code=1002)
    yield Case("length of all ones", (frame(2, announced=(1 << 64) - 1),), code=1002)
    yield Case("length of an exbibyte", (frame(2, announced=1 << 60),), code=1009)


def controls() -> Iterator[Case]:
    """Pings and pongs (§5.5.2, §5.5.3)."""
    for payload in (b"", b"hello", b"\x00\xff\xfe", b"x" * 124, b"x" * 125):
        yield Case(f"ping of {len(payload)}", (frame(9, payload),), pongs=(payload,))
        yield Case(f"ping of {len(payload)} octet by octet", chop(frame(9, payload), 1), pongs=(payload,))
        yield Case(f"pong of {len(payload)} that nobody asked for", (frame(10, payload), frame(9)), pongs=(b"",))
        yield Case(f"pong of {len(payload)}, then a text", (frame(10, payload) + frame(1, b"x"),), ((1, b"x"),))
    ten = [b"%d" % at for at in range(10)]
    pings = [frame(9, payload) for payload in ten]
    yield Case("ten pings", tuple(pings), pongs=tuple(ten))
    yield Case("ten pings at once", (b"".join(pings),), pongs=tuple(ten))
    yield Case("ten pings octet by octet", chop(b"".join(pings), 1), pongs=tuple(ten))
    for opcode, name in ((9, "ping"), (10, "pong"), (8, "close")):
        yield Case(f"{name} of 126", (frame(opcode, b"x" * 126),), code=1002)
        yield Case(f"{name} of 65536", (frame(opcode, b"x" * 65536),), code=1002)
        yield Case(f"{name} in fragments", (frame(opcode, b"", fin=False),), code=1002)


def reserved() -> Iterator[Case]:
    """Bits and opcodes that mean nothing without an extension (§5.2)."""
    fine = frame(1, b"fine")
    for rsv in range(1, 8):
        for opcode in (1, 2, 9, 10, 8):
            wrong = frame(opcode, b"", rsv=rsv)
            yield Case(f"rsv {rsv} on opcode {opcode}", (wrong,), code=1002)
        wrong = frame(1, b"wrong", rsv=rsv)
        yield Case(f"rsv {rsv} after a message", (fine + wrong + fine,), ((1, b"fine"),), code=1002)
        yield Case(f"rsv {rsv} octet by octet", chop(fine + wrong, 1), ((1, b"fine"),), code=1002)
        yield Case(f"rsv {rsv} on a fragment", (frame(1, b"a", fin=False) + frame(0, b"b", rsv=rsv),), code=1002)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        wrong = frame(opcode, b"")
        yield Case(f"opcode {opcode}", (wrong,), code=1002)
        yield Case(f"opcode {opcode} with content", (frame(opcode, b"reserved"),), code=1002)
        yield Case(f"opcode {opcode} after a message", (fine + wrong + frame(9),), ((1, b"fine"),), code=1002)
        yield Case(f"opcode {opcode} octet by octet", chop(fine + wrong, 1), ((1, b"fine"),), code=1002)
        yield Case(f"opcode {opcode} within a message", (frame(1, b"a", fin=False) + wrong,), code=1002)
    yield Case("a frame without a mask", (frame(1, b"x", masked=False),), code=1002)
    yield Case("a ping without a mask after a message", (fine + frame(9, masked=False),), ((1, b"fine"),), code=1002)


def fragments() -> Iterator[Case]:
    """Messages in several frames (§5.4)."""
    for opcode in (1, 2):
        first, last = frame(opcode, b"frag", fin=False), frame(0, b"ment")
        whole = ((opcode, b"fragment"),)
        for pieces, name in (
            ((first + last,), "at once"),
            ((first, last), "apart"),
            (chop(first + last, 1), "in octets"),
        ):
            yield Case(f"two fragments of {opcode} {name}", pieces, whole)
        controls_between = {"a ping": frame(9, b"p"), "a pong": frame(10, b"p"), "three pings": frame(9, b"p") * 3}
        for title, between in controls_between.items():
            pongs = (b"p",) * {"a ping": 1, "a pong": 0, "three pings": 3}[title]
            sent = first + between + last
            yield Case(f"{opcode} with {title} between", (sent,), whole, pongs)
            yield Case(f"{opcode} with {title} between, cut", chop(sent, 1), whole, pongs)
        empty = frame(opcode, b"", fin=False) + frame(0, b"", fin=False) * 3 + frame(0, b"x")
        yield Case(f"empty fragments of {opcode}", (empty,), ((opcode, b"x"),))
        nothing = frame(opcode, b"", fin=False) + frame(0, b"")
        yield Case(f"nothing but empty fragments of {opcode}", (nothing,), ((opcode, b""),))
        many = frame(opcode, b"0", fin=False) + b"".join(frame(0, b"1", fin=False) for _ in range(500)) + frame(0, b"2")
        yield Case(f"five hundred fragments of {opcode}", (many,), ((opcode, b"0" + b"1" * 500 + b"2"),))
        for other in (1, 2):
            wrong = first + frame(other, b"new")
            yield Case(f"{other} begins within {opcode}", (wrong,), code=1002)
            yield Case(f"{other} begins in fragments within {opcode}", (first + frame(other, fin=False),), code=1002)
    for fin in (True, False):
        wrong = frame(0, b"of nothing", fin=fin)
        yield Case(f"continuation of nothing, fin {fin}", (wrong,), code=1002)
        yield Case(f"continuation after a message, fin {fin}", (frame(1, b"x") + wrong,), ((1, b"x"),), code=1002)
        sent = frame(1, b"a", fin=False) + frame(0, b"b") + wrong
        yield Case(f"continuation after fragments, fin {fin}", (sent,), ((1, b"ab"),), code=1002)
    mixed = frame(1, b"a", fin=False) + frame(9, b"1") + frame(0, b"b", fin=False) + frame(9, b"2") + frame(0, b"c")
    sent = mixed + frame(2, b"\x00") + frame(1, b"d", fin=False) + frame(0, b"e")
    yield Case("everything in a row", (sent,), ((1, b"abc"), (2, b"\x00"), (1, b"de")), (b"1", b"2"))
