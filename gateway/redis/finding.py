"""Where the master is, when sentinels know, and where the slots of a cluster are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.config.addresses import TcpAddress
from gateway.redis.address import Address, address_of, urls_of
from gateway.redis.connection import Connection
from gateway.redis.dial import Dialer
from gateway.redis.errors import RedisDownError, RedisError
from gateway.redis.slots import SlotMap


async def find_by_sentinels(dialer: Dialer) -> TcpAddress:
    """The address of the master: the first sentinel that answers says it. Raises RedisError."""
    settings = dialer.settings
    why = "there is no sentinel"
    for address in urls_of(settings):
        try:
            answer = await _ask(
                dialer, address, ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", settings.master or ""), sentinel=True
            )
            if answer is None:
                raise RedisError(f"it knows no master of the name {settings.master}")
            host, port = answer
            return address_of(host.decode(), int(port))
        except (RedisError, ValueError, TypeError, AttributeError) as error:
            why = f"sentinel {address}: {error}"
    raise RedisDownError(why)


async def find_slots(dialer: Dialer, known: Iterable[Address], slots: SlotMap) -> None:
    """Learn from the first node that answers where the slots are. Raises RedisError."""
    why = "there is no node"
    for address in dict.fromkeys([*known, *urls_of(dialer.settings)]):
        try:
            slots.learn(await _ask(dialer, address, ("CLUSTER", "SLOTS")), address)
            return
        except RedisError as error:
            why = f"node {address}: {error}"
    raise RedisDownError(why)


async def check_master(connection: Connection) -> None:
    """Raise RedisDownError when the server is not a master (any more, or yet)."""
    role = await connection.send(("ROLE",))
    if not isinstance(role, list) or not role or role[0] != b"master":
        raise RedisDownError("it is not the master")


async def _ask(dialer: Dialer, address: Address, command: tuple[str, ...], *, sentinel: bool = False) -> Any:
    """One question to a server, by a connection of its own."""
    connection = await dialer.dial(
        address, _ignore, _fail, _forget, timeout=dialer.settings.connect_timeout, sentinel=sentinel
    )
    try:
        return await connection.send(command)
    finally:
        connection.abort("done")


def _ignore(push: list[object]) -> None:
    """Nothing is expected to be told."""


def _fail(connection: Connection) -> None:
    connection.fail("it did not answer in time")


def _forget(connection: Connection, reason: str) -> None:
    """It was for one question."""
