"""The servers behind the client: one, the one that sentinels name, or the masters of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from gateway.redis.address import Address, database_of, urls_of
from gateway.redis.dial import Dialer
from gateway.redis.errors import RedisReplyError
from gateway.redis.figures import RedisFigures
from gateway.redis.finding import check_master, find_by_sentinels
from gateway.redis.node import Node, Owner


class Nodes(Protocol):
    """Which server has what."""

    @property
    def home(self) -> Node | None:
        """The server with the channels."""

    def all(self) -> Iterable[Node]:
        """Every server with keys."""

    def node(self, key: bytes) -> Node | None:
        """The server that has a key."""

    def fetch(self, names: Sequence[bytes]) -> tuple[asyncio.Future[list[bytes | None]], int]:
        """The values of several keys, and how many commands that takes. Raises RedisDownError."""

    def redirected(self, error: RedisReplyError) -> Node | None:
        """Where to go instead, when a server says so."""

    def begin(self) -> None:
        """Connect, and stay connected."""

    async def tried(self) -> None:
        """Return when it is known whether there is a connection."""

    async def close(self) -> None:
        """Let go of everything."""


class OneNode:
    """A single server, or the master that sentinels name."""

    def __init__(self, dialer: Dialer, figures: RedisFigures, owner: Owner) -> None:
        self._dialer = dialer
        settings = dialer.settings
        check = check_master if settings.kind == "sentinel" else None
        self._node = Node(self._find, dialer, figures, owner, database_of(settings), check)

    async def _find(self) -> Address:
        settings = self._dialer.settings
        return await find_by_sentinels(self._dialer) if settings.kind == "sentinel" else urls_of(settings)[0]

    @property
    def home(self) -> Node | None:
        """The only one."""
        return self._node

    def all(self) -> Iterable[Node]:
        """The only one."""
        return (self._node,)

    def node(self, key: bytes) -> Node | None:
        """The only one."""
        return self._node

    def fetch(self, names: Sequence[bytes]) -> tuple[asyncio.Future[list[bytes | None]], int]:
        """One MGET."""
        return self._node.ask((b"MGET", *names)), 1

    def redirected(self, error: RedisReplyError) -> Node | None:
        """Nowhere."""
        return None

    def begin(self) -> None:
        """Connect, and stay connected."""
        self._node.begin()

    async def tried(self) -> None:
        """Return when it is known whether there is a connection."""
        await self._node.tried.wait()

    async def close(self) -> None:
        """Let go of everything."""
        await self._node.close()


def nodes_for(dialer: Dialer, figures: RedisFigures, owner: Owner) -> Nodes:
    """The servers that the settings mean."""
    if dialer.settings.kind == "cluster":
        from gateway.redis.cluster import ClusterNodes

        return ClusterNodes(dialer, figures, owner)
    return OneNode(dialer, figures, owner)
