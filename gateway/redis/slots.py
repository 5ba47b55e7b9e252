"""Which node of a Redis Cluster has a key. No I/O."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Sequence
from typing import Any

from gateway.config.addresses import TcpAddress
from gateway.redis.address import Address, address_of
from gateway.redis.errors import RedisError, RedisReplyError

SLOTS = 16_384


def slot_of(key: bytes) -> int:
    """The slot of a key: that of what stands in its first braces, if anything does."""
    begin = key.find(b"{")
    if begin >= 0:
        end = key.find(b"}", begin + 1)
        if end > begin + 1:
            key = key[begin + 1 : end]
    return crc_hqx(key, 0) % SLOTS


class SlotMap:
    """Slot → the address of its master."""

    __slots__ = ("_masters",)

    def __init__(self) -> None:
        self._masters: list[TcpAddress | None] = [None] * SLOTS

    def find(self, key: bytes) -> TcpAddress | None:
        """Where a key is; `None` while nobody serves its slot."""
        return self._masters[slot_of(key)]

    def moved(self, slot: int, address: TcpAddress) -> None:
        """A node says that a slot has moved."""
        self._masters[slot] = address

    @property
    def masters(self) -> set[TcpAddress]:
        """All that serve a slot."""
        return {address for address in self._masters if address is not None}

    def learn(self, answer: Any, asked: Address) -> None:
        """Take over what `CLUSTER SLOTS` says. A node that does not know its own host is the one that was asked.
        Raises RedisError."""
        masters: list[TcpAddress | None] = [None] * SLOTS
        try:
            for first, last, (host, port, *_), *_ in answer:
                where = address_of(_text(host), int(port)) if host else _with_port(asked, int(port))
                masters[first : last + 1] = [where] * (last + 1 - first)
        except (TypeError, ValueError, UnicodeDecodeError) as error:
            raise RedisError("it does not say where the slots of the cluster are") from error
        if not any(masters) or len(masters) != SLOTS:
            raise RedisError("nobody serves the slots of the cluster")
        self._masters = masters


def redirection(error: RedisReplyError) -> tuple[int, TcpAddress] | None:
    """The slot and the address that a refusal `MOVED` or `ASK` names."""
    words = str(error).split()
    if len(words) != 3 or words[0] not in ("MOVED", "ASK"):
        return None
    host, colon, port = words[2].rpartition(":")
    if not colon or not host or not port.isdigit() or not words[1].isdigit():
        return None
    return int(words[1]) % SLOTS, address_of(host, int(port))


def by_slot(keys: Sequence[bytes]) -> dict[int, list[bytes]]:
    """Keys that one command may name together."""
    slots: dict[int, list[bytes]] = {}
    for key in keys:
        slots.setdefault(slot_of(key), []).append(key)
    return slots


def _text(host: bytes | str) -> str:
    return host.decode() if isinstance(host, bytes) else host


def _with_port(asked: Address, port: int) -> TcpAddress:
    if not isinstance(asked, TcpAddress):
        raise ValueError("a cluster has TCP addresses")
    return TcpAddress(asked.host, port)
