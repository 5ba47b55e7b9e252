"""The masters of a Redis Cluster, and which of them has what. Where the slots are is asked when a server says that one
has moved, when one is gone, and now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from gateway.config.addresses import TcpAddress
from gateway.redis.address import Address
from gateway.redis.dial import Dialer
from gateway.redis.errors import RedisDownError, RedisError, RedisReplyError
from gateway.redis.figures import RedisFigures
from gateway.redis.finding import find_slots
from gateway.redis.node import Node, Owner
from gateway.redis.slots import SlotMap, by_slot, redirection

CALM_SECONDS = 15.0
HURRY_SECONDS = 0.5
"""Between two times that the cluster is asked: while all is well, and while a server is gone."""


class ClusterNodes:
    """A node for each master."""

    def __init__(self, dialer: Dialer, figures: RedisFigures, owner: Owner) -> None:
        self._dialer = dialer
        self._figures = figures
        self._owner = owner
        self._slots = SlotMap()
        self._nodes: dict[TcpAddress, Node] = {}
        self._home: Node | None = None
        self._prefix = dialer.settings.prefix.encode()
        self._asked = asyncio.Event()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def home(self) -> Node | None:
        """The master that has the key which is nothing but the prefix: messages reach all nodes wherever they are
        published, but one connection has to listen."""
        return self._home

    def all(self) -> Iterable[Node]:
        """Every master."""
        return list(self._nodes.values())

    def node(self, key: bytes) -> Node | None:
        """The master that has a key."""
        address = self._slots.find(key)
        return None if address is None else self._nodes.get(address)

    def fetch(self, names: Sequence[bytes]) -> tuple[asyncio.Future[list[bytes | None]], int]:
        """One MGET for each slot. What cannot be fetched now is not there."""
        slots = by_slot(names)
        values: dict[bytes, bytes | None] = dict.fromkeys(names)
        done: asyncio.Future[list[bytes | None]] = asyncio.get_running_loop().create_future()
        left = len(slots)

        def part(fetched: asyncio.Future[Any], keys: list[bytes]) -> None:
            nonlocal left
            left -= 1
            error = None if fetched.cancelled() else fetched.exception()
            if isinstance(error, RedisReplyError):
                self.redirected(error)
            elif error is None and not fetched.cancelled():
                values.update(zip(keys, fetched.result(), strict=True))
            if not left and not done.done():
                done.set_result([values[name] for name in names])

        for keys in slots.values():
            node = self.node(keys[0])
            try:
                if node is None:
                    raise RedisDownError("nobody serves the slot")
                fetched = node.ask((b"MGET", *keys))
            except RedisDownError as error:
                fetched = asyncio.get_running_loop().create_future()
                fetched.set_exception(error)
            fetched.add_done_callback(lambda each, keys=keys: part(each, keys))  # type: ignore[misc]  # a default binds
        return done, len(slots)

    def redirected(self, error: RedisReplyError) -> Node | None:
        """The node that a refusal names, if it can be used now."""
        where = redirection(error)
        if where is None:
            return None
        slot, address = where
        if error.kind == "MOVED":
            self._hurry.set()
            if address in self._nodes:
                self._slots.moved(slot, address)
        node = self._nodes.get(address)
        return node if node is not None and node.is_up else None

    def begin(self) -> None:
        """Connect, and stay connected."""
        self._task = asyncio.get_running_loop().create_task(self._keep(), name="redis.cluster")

    async def tried(self) -> None:
        """Return when it is known whether the cluster can be reached."""
        await self._asked.wait()
        await asyncio.gather(*(node.tried.wait() for node in self._nodes.values()))

    async def close(self) -> None:
        """Let go of everything."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*(node.close() for node in self._nodes.values()), *self._closing, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            try:
                await find_slots(self._dialer, self._nodes, self._slots)
                self._fit()
            except RedisError as error:
                if self._home is None:
                    self._owner_hears(str(error))
            self._asked.set()
            well = self._home is not None and all(node.is_up for node in self._nodes.values())
            try:
                async with asyncio.timeout(CALM_SECONDS if well else HURRY_SECONDS):
                    await self._hurry.wait()
                await asyncio.sleep(0.05)  # many say at once that slots have moved
            except TimeoutError:
                pass
            self._hurry.clear()

    def _owner_hears(self, reason: str) -> None:
        """There is no node yet that could say it."""
        lost = Node(self._nowhere, self._dialer, self._figures, self._owner)
        self._owner.went_down(lost, reason)

    async def _nowhere(self) -> Address:
        raise RedisDownError("no node is known")

    def _fit(self) -> None:
        """Have a node for each master, and none for others."""
        masters = self._slots.masters
        for address in [address for address in self._nodes if address not in masters]:
            closing = asyncio.get_running_loop().create_task(self._nodes.pop(address).close(), name="redis.node.close")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        for address in masters - self._nodes.keys():
            self._nodes[address] = node = Node(self._at(address), self._dialer, self._figures, self._owner)
            node.begin()
        home = self.node(self._prefix)
        if home is not self._home:
            before, self._home = self._home, home
            if before is not None and home is not None and home.is_up:
                home.renew("it has the channels from now on")

    def _at(self, address: TcpAddress) -> Any:
        async def find() -> Address:
            return address

        return find
