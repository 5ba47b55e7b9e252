"""Redis for a worker: one client that everybody uses, and that never makes anybody wait.

Every call is answered within `timeout`, or fails; while Redis is known to be gone it fails at once. It comes back by
itself. Values asked for in one turn of the loop are asked for together. Nothing is ever tried twice: whoever asks has
another way, and a second try would only make waiting longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import structlog

from gateway.config.redis import RedisSettings
from gateway.figures import Figures
from gateway.redis.channels import Changed, Channels, Hear
from gateway.redis.connection import Argument
from gateway.redis.dial import Dialer
from gateway.redis.errors import NOT_NOW, RedisDownError, RedisError, RedisReplyError
from gateway.redis.figures import RedisFigures
from gateway.redis.node import TELL_SECONDS, Node
from gateway.redis.nodes import Nodes, nodes_for
from gateway.redis.reads import Reads
from gateway.redis.script import Script
from gateway.redis.telling import Teller

OPEN_SECONDS = 1.0
"""How long a start may wait for Redis; then the gateway goes on, and Redis comes when it comes."""
Notice = Callable[[], None]


class Redis:
    """The client. Commands are tuples as Redis documents them; answers are bytes, numbers, lists, maps, `None`."""

    def __init__(self, settings: RedisSettings, figures: Figures) -> None:
        self.settings = settings
        self.prefix = settings.prefix.encode()
        """What every key and every channel begins with. In a cluster, what one script touches has to have one slot:
        the same text in braces in all of its keys."""
        self._figures = RedisFigures(figures)
        self._channels = Channels()
        self._ups: list[Notice] = []
        self._downs: list[Notice] = []
        self._anews: list[Notice] = []
        self._teller = Teller(structlog.get_logger("slipstream.redis"))
        self._scripts: dict[str, Script] = {}
        self._known: dict[Script, None] = {}
        self._reads: Reads | None = None
        self._nodes: Nodes | None = None
        self._was_up = False

    # ---- life --------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, in bounded time. Without success it goes on trying, and everything fails at once meanwhile."""
        self._reads = Reads(self._fetch)
        self._nodes = nodes_for(Dialer(self.settings), self._figures, self)
        self._nodes.begin()
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._nodes.tried()
        except TimeoutError:
            self._teller.down("it takes its time to connect")

    async def close(self) -> None:
        """Let go of everything."""
        nodes, self._nodes = self._nodes, None
        if nodes is not None:
            self._teller.is_quiet = True
            await nodes.close()
            self._settle()

    @property
    def is_up(self) -> bool:
        """Whether Redis can be used now. In a cluster: the node with the channels."""
        return self._nodes is not None and self._nodes.home is not None and self._nodes.home.is_up

    def nodes(self) -> list[Node]:
        """The servers: one, or the masters of a cluster as far as they are known."""
        return [] if self._nodes is None else list(self._nodes.all())

    def on_up(self, notice: Notice) -> None:
        """Call back after each connection that was made, the first one too, and each time that Redis answers again
        after it did not: what it told in between may have been missed."""
        self._ups.append(notice)

    def on_reconnect(self, notice: Notice) -> None:
        """Call back after each new connection to a server, the first ones too: what it told before was missed."""
        self._anews.append(notice)

    def on_down(self, notice: Notice) -> None:
        """Call back when Redis cannot be used any more."""
        self._downs.append(notice)

    def forget(self, notice: Notice) -> None:
        """Call back no more."""
        for notices in (self._ups, self._downs, self._anews):
            while notice in notices:
                notices.remove(notice)

    def know(self, *scripts: Script) -> None:
        """Have every server know these from the first moment, so that their first use takes no longer than others."""
        self._known.update(dict.fromkeys(scripts))
        for node in self.nodes():
            self._teach(node, scripts)

    # ---- commands ----------------------------------------------------------------------------------------------------

    async def call(self, *command: Argument, key: Argument | None = None) -> Any:
        """The answer to a small command that somebody waits for. Commands that block are not for this.

        `key` says where it belongs in a cluster, where that is not what stands behind the command's name. Raises
        RedisDownError, RedisReplyError."""
        return await self._asked(command, _octets(key if key is not None else command[1]) if len(command) > 1 else b"")

    async def script(self, script: Script | str, keys: Sequence[bytes], arguments: Sequence[Argument] = ()) -> Any:
        """What a Lua script returns. Raises RedisDownError, RedisReplyError."""
        return await self._run(script, keys, arguments, self._asked, self.settings.timeout / 2)

    async def tell(self, *command: Argument, key: Argument | None = None) -> Any:
        """The same as `call` for what may be large and nobody waits for: it may take longer, and goes another way."""
        return await self._told(command, _octets(key if key is not None else command[1]))

    async def tell_script(self, script: Script | str, keys: Sequence[bytes], arguments: Sequence[Argument]) -> Any:
        """The same as `script` for what may be large and nobody waits for."""
        return await self._run(script, keys, arguments, self._told, TELL_SECONDS)

    def get(self, name: bytes) -> asyncio.Future[bytes | None]:
        """The value of a key. All that are asked for in one turn of the loop go in one MGET; in a cluster in one for
        each slot. Raises RedisDownError, RedisReplyError; RedisDownError at once."""
        if self._reads is None or not self.is_up:
            raise RedisDownError("Redis is down")
        self._figures.gets.inc()
        return self._reads.get(name)

    async def get_many(self, names: Sequence[bytes]) -> list[bytes | None]:
        """The values of several keys. Raises RedisDownError, RedisReplyError."""
        return [await value for value in [self.get(name) for name in names]]

    def publish(self, channel: bytes, octets: bytes) -> Awaitable[int]:
        """Send a message to all who listen. Nobody has to wait for it; whoever does hears how many heard it, or
        RedisDownError, RedisReplyError."""
        home = None if self._nodes is None else self._nodes.home
        try:
            if home is None:
                raise RedisDownError("Redis is down")
            return home.ask(("PUBLISH", channel, octets))
        except RedisDownError as error:
            failed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            failed.exception()  # nobody has to look
            return failed

    # ---- what Redis tells by itself ----------------------------------------------------------------------------------

    def subscribe(self, channel: bytes, hear: Hear) -> None:
        """Call back with each message on a channel, over reconnections. What is said while Redis is away is missed."""
        command = self._channels.listen(channel, hear)
        if command is not None and self._nodes is not None and self._nodes.home is not None:
            _post(self._nodes.home, command)

    def unsubscribe(self, channel: bytes, hear: Hear) -> None:
        """Call back no more."""
        command = self._channels.unlisten(channel, hear)
        if command is not None and self._nodes is not None and self._nodes.home is not None:
            _post(self._nodes.home, command)

    def track(self, prefix: bytes, changed: Changed) -> None:
        """Call back with the keys with that prefix that anybody changes, but for changes by plain commands of `tell`
        (`CLIENT TRACKING` in broadcast mode); with `None` when all may have changed."""
        command = self._channels.track(prefix, changed)
        if command is not None and self._nodes is not None:
            for node in self._nodes.all():
                _post(node, command)

    def untrack(self, prefix: bytes, changed: Changed) -> None:
        """Call back no more."""
        self._channels.untrack(prefix, changed)

    # ---- inside ------------------------------------------------------------------------------------------------------

    async def _run(
        self, script: Script | str, keys: Sequence[bytes], arguments: Sequence[Argument], way: Any, seconds: float
    ) -> Any:
        """Let a server do it by the script's digest, or, if that took less than so many seconds, by the whole of it."""
        if isinstance(script, str):
            source, known = script, self._scripts.get(script)
            script = self._scripts[source] = Script(source) if known is None else known
        rest = (len(keys), *keys, *arguments)
        key = keys[0] if keys else b""
        begun = time.monotonic()
        try:
            return await way(("EVALSHA", script.sha, *rest), key)
        except RedisReplyError as error:
            if error.kind != "NOSCRIPT":
                raise
        if time.monotonic() - begun > seconds:
            _post(self._node(key), ("SCRIPT", "LOAD", script.source))
            raise RedisDownError("too late to send the script")
        return await way(("EVAL", script.source, *rest), key)

    async def _asked(self, command: Sequence[Argument], key: bytes) -> Any:
        node, begun = self._node(key), time.monotonic()
        try:
            answer = await node.ask(command)
        except RedisError as error:
            return await self._again(node, command, error, begun, patient=False)
        self._figures.answered.inc()
        return answer

    async def _told(self, command: Sequence[Argument], key: bytes) -> Any:
        node = self._node(key)
        try:
            answer = await node.tell(command)
        except RedisError as error:
            return await self._again(node, command, error, time.monotonic(), patient=True)
        self._figures.answered.inc()
        return answer

    def _is_late(self, begun: float) -> bool:
        """Whether there is no time for a second command."""
        return time.monotonic() - begun > self.settings.timeout / 2

    async def _again(
        self, node: Node, command: Sequence[Argument], error: RedisError, begun: float, *, patient: bool
    ) -> Any:
        """Go where a node of a cluster says that the key is now; otherwise it failed."""
        if isinstance(error, RedisReplyError):
            self._refused(node, error)
            other = None if self._nodes is None else self._nodes.redirected(error)
            if other is not None and not self._is_late(begun):
                if error.kind == "ASK":
                    _post(other, ("ASKING",), patient=patient)
                return await (other.tell(command) if patient else other.ask(command))
        else:
            self._figures.down.inc()
        raise error

    def _teach(self, node: Node, scripts: Iterable[Script]) -> None:
        for script in scripts:
            _post(node, ("SCRIPT", "LOAD", script.source), patient=False)

    def _refused(self, node: Node, error: RedisReplyError) -> None:
        self._figures.refused.inc()
        if error.kind in NOT_NOW:
            node.suspend(str(error))
            raise RedisDownError(str(error)) from error
        if error.kind == "READONLY" and self.settings.kind != "single":
            node.renew("it is not the master any more")

    def _node(self, key: bytes) -> Node:
        node = None if self._nodes is None else self._nodes.node(key)
        if node is None:
            self._figures.down.inc()
            raise RedisDownError("Redis is down")
        return node

    def _fetch(self, names: Sequence[bytes]) -> asyncio.Future[list[bytes | None]]:
        if self._nodes is None:
            raise RedisDownError("Redis is down")
        fetched, commands = self._nodes.fetch(names)
        self._figures.turns.inc(commands)
        fetched.add_done_callback(self._fetched)
        return fetched

    def _fetched(self, fetched: asyncio.Future[list[bytes | None]]) -> None:
        error = None if fetched.cancelled() else fetched.exception()
        if error is None:
            self._figures.answered.inc()
        elif isinstance(error, RedisReplyError):
            self._figures.refused.inc()
            if error.kind in NOT_NOW and self._nodes is not None and self._nodes.home is not None:
                self._nodes.home.suspend(str(error))
        else:
            self._figures.down.inc()

    # ---- what the nodes tell (gateway.redis.node.Owner) --------------------------------------------------------------

    def greetings(self, node: Node) -> Sequence[tuple[bytes | str, ...]]:
        """What a new connection begins with."""
        commands = self._channels.tracking()
        if self._nodes is None or self._nodes.home is node:
            commands += self._channels.subscriptions()
        return commands

    def heard(self, node: Node, push: list[Any]) -> None:
        """A node said something by itself."""
        self._channels.hear(push)

    def went_up(self, node: Node, *, anew: bool) -> None:
        """A node can be used."""
        self._settle()
        if self._nodes is None:
            return
        if anew:
            self._teach(node, self._known)
        for notice in [*(self._anews if anew else ()), *(self._ups if node is self._nodes.home else ())]:
            notice()

    def went_down(self, node: Node, reason: str) -> None:
        """A node cannot be used."""
        if self._nodes is None or node is self._nodes.home:
            self._teller.down(reason)
        self._settle()

    def _settle(self) -> None:
        is_up = self.is_up
        if is_up:
            self._teller.up()
        if is_up == self._was_up:
            return
        self._was_up = is_up
        self._figures.up.inc(1 if is_up else -1)  # there are two clients for a moment when a reload changes them
        if not is_up:
            for notice in list(self._downs):
                notice()


def _post(node: Node, command: Sequence[Argument], *, patient: bool = True) -> None:
    """Send and look no further: when the node is down its next connection begins with it."""
    try:
        (node.tell if patient else node.ask)(command).add_done_callback(_look_at)
    except RedisDownError:
        pass


def _look_at(sent: asyncio.Future[Any]) -> None:
    error = None if sent.cancelled() else sent.exception()
    if isinstance(error, RedisReplyError):
        structlog.get_logger("slipstream.redis").error("Redis refuses to tell what is needed", reason=str(error))


def _octets(key: Argument) -> bytes:
    return key if isinstance(key, bytes) else str(key).encode()
