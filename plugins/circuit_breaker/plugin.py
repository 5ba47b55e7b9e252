"""The circuit breaker on the road: lets requests pass or not, and judges what came of them. The only file of the room
that awaits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection
from typing import Any

from gateway.api import (
    AtOnce,
    BodyStream,
    CircuitOpenError,
    GatewayError,
    Handler,
    Plugin,
    Request,
    Response,
    Runtime,
    SettingError,
    SharedBy,
    StreamEnd,
    UpstreamConnectError,
    UpstreamError,
)
from plugins.circuit_breaker.answer import Static, words_for
from plugins.circuit_breaker.board import Board
from plugins.circuit_breaker.breaker import Breaker
from plugins.circuit_breaker.figures import RequestFigures, Watch
from plugins.circuit_breaker.group import ALL, Admission, Group, Refusal
from plugins.circuit_breaker.judge import Judge
from plugins.circuit_breaker.post import Post
from plugins.circuit_breaker.probing import PATIENCE_SECONDS, Probing
from plugins.circuit_breaker.reasons import CircuitReason
from plugins.circuit_breaker.replaying import retry_seconds
from plugins.circuit_breaker.rules import Rules
from plugins.circuit_breaker.settings import CircuitBreakerSettings, Per
from plugins.circuit_breaker.short_way import ShortWay

STALE_AT_HAND = "stale_at_hand"
"""The attribute of a request with which a store in front says that it has an answer for the case of an error."""


class CircuitBreakerPlugin(Plugin):
    """Stop asking an upstream, or one of its servers, that keeps failing."""

    Settings = CircuitBreakerSettings
    gives_replays = True  # of refusals, while all circuits are open: what they say follows from the head and the time
    after = ("cache", "coalesce", "retry")
    """A store answers without asking; and each further attempt at a request is an exchange of its own."""

    def __init__(self, settings: CircuitBreakerSettings, runtime: Runtime) -> None:
        self._settings = settings
        self._runtime = runtime
        self._rules = Rules.of(settings)
        self._judge = Judge(settings)
        self._figures = RequestFigures(runtime.figures, runtime.route)
        self._board = runtime.lasting.share("circuit_breaker", Board)
        per = settings.per
        name = f"{per.value}:{runtime.route if per is Per.ROUTE else runtime.upstream}"
        self._group = runtime.lasting.share(f"circuit_breaker {name}", lambda: self._make_group(name))
        self._post = runtime.lasting.share("circuit_breaker post", lambda: Post(self._board, runtime))
        fallback = settings.fallback
        self._static = Static(fallback.response, runtime.name) if fallback.response is not None else None
        wall = runtime.clock.wall
        self._short_way = ShortWay(self._group, self._static, runtime.name, runtime.figures, self._figures, wall)
        self._elsewhere: Handler | None = None
        self._told: tuple[Refusal | None, str] = (None, "")

    def _make_group(self, name: str) -> Group:
        per_server = self._settings.per is Per.SERVER
        group = Group(name, self._rules, random.random, per_server=per_server)
        log = self._runtime.log if self._settings.per is Per.ROUTE else self._runtime.log.try_unbind("route")
        group.listeners.append(Watch(self._runtime.figures, self._runtime.clock, log))
        return group

    async def open(self) -> None:
        """Take the circuits over as they are, and answer other workers and the administrator."""
        self._group.join(self, self._rules)
        self._board.join(self._group)
        self._runtime.at_each_sweep.append(self._sweep)
        if self._runtime.control is not None:
            self._post.answer_by(self._runtime)
        if self._settings.share is SharedBy.REDIS:
            if self._runtime.sharing is None:
                raise SettingError("share: redis needs to know which: the configuration has no redis")
            self._post.tell_by(self, self._runtime.sharing)

    async def close(self) -> None:
        """Leave the circuits to the chain that comes after."""
        self._group.part(self)
        if self._sweep in self._runtime.at_each_sweep:
            self._runtime.at_each_sweep.remove(self._sweep)
        self._post.stop_asking(self._runtime)
        self._post.tell_no_more(self)

    def _sweep(self) -> None:
        now = self._runtime.clock.monotonic()
        for breaker in self._group.breakers.values():
            breaker.look(now)

    def wrap(self, inner: Handler) -> Handler:
        """`inner` behind its circuit."""
        if self._settings.fallback.upstream is not None and self._runtime.forward is not None:
            self._elsewhere = self._runtime.forward(self._settings.fallback.upstream)
        group, epochs, breakers = self._group, self._group.epochs, self._group.breakers
        only = None if group.per_server else group.breakers[ALL]
        monotonic, statuses = self._runtime.clock.monotonic, self._judge.statuses
        times = self._settings.slow_call is not None
        instead = None
        if self._settings.fallback.on_failure and (self._elsewhere is not None or self._static is not None):
            instead = self._instead_of_failure

        async def handle(request: Request) -> Response:
            if not group.calm:
                return await self._with_care(inner, request, monotonic())
            epoch = epochs.now
            begun = monotonic() if times else 0.0
            try:
                response = await inner(request)
            except UpstreamError as error:
                self._failed(request, error, begun or monotonic(), epoch)
                if instead is not None:
                    return await instead(request, error)
                raise
            if request.made_good is not None:
                self._made_good(request, epoch)
            breaker = only or breakers.get(request.served_by) or self._breaker_of(request)
            failed = response.status in statuses
            if breaker is not None:
                if failed or times or not breaker.is_plain or epoch < breaker.epoch:
                    now = monotonic()
                    breaker.record(failed, now - (begun or now), epoch, now)
                else:  # nearly every time
                    breaker.well += 1
                    breaker.row = 0
                if response.body.__class__ is BodyStream:
                    self._watch_body(response.body, breaker, epoch)
            if failed and instead is not None:
                return await instead(request, response)
            return response

        return handle

    def wrap_at_once(self, inner: AtOnce | None) -> AtOnce | None:
        """The short way of a refusal, while all circuits are open and nothing has to be waited for."""
        if self._elsewhere is not None:
            return None
        return self._short_way.at_once(may_replay=self.may_replay)

    async def _with_care(self, inner: Handler, request: Request, begun: float) -> Response:
        """What `handle` does while a circuit is not simply closed."""
        group = self._group
        if begun < group.shut_until and group.shut is not None:
            return await self._refuse(request, group.shut, begun)
        admission = group.admit(begun, self._servers(), request.avoid)
        if isinstance(admission, Refusal):
            return await self._refuse(request, admission, begun)
        avoided = request.avoid
        if admission.avoid:
            request.avoid = avoided | admission.avoid
        if admission.probe is not None:
            self._figures.note(request.trail, CircuitReason.PROBE)
        elif admission.avoid:
            self._figures.note(request.trail, CircuitReason.AROUND)
        instead, probing = self._settings.fallback.on_failure, False
        try:
            response = await inner(request)
            probing = admission.probe is not None and isinstance(response.body, BodyStream)
        except UpstreamError as error:
            self._failed(request, error, begun, admission.epoch, admission.probe)
            if instead:
                return await self._instead_of_failure(request, error)
            raise
        finally:
            request.avoid = avoided
            if not probing:
                group.leave(admission)
        now = self._runtime.clock.monotonic()
        if request.made_good is not None:
            self._made_good(request, admission.epoch, admission.probe)
        breaker = self._breaker_of(request)
        failed = response.status in self._judge.statuses
        is_probe = admission.probe is not None and group.breakers.get(admission.probe) is breaker
        if probing and is_probe and not failed and breaker is not None:
            self._watch_probe(response, breaker, admission, now - begun)
            return response
        if probing:
            group.leave(admission)
        if breaker is not None:
            breaker.record(failed, now - begun, admission.epoch, now, probe=is_probe)
            if isinstance(response.body, BodyStream):
                self._watch_body(response.body, breaker, admission.epoch)
        if failed and instead:
            return await self._instead_of_failure(request, response)
        return response

    def _watch_probe(self, response: Response, breaker: Breaker, admission: Admission, seconds: float) -> None:
        """Judge a probe when its content has come: a server that breaks off within it is not well again."""
        monotonic, group, body = self._runtime.clock.monotonic, self._group, response.body
        assert isinstance(body, BodyStream)
        probing = Probing(body, self._judge)
        timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, probing.be_content)

        def settled(failed: bool | None) -> None:
            timer.cancel()
            if failed is not None:
                breaker.record(failed, seconds, admission.epoch, monotonic(), probe=True)
            group.leave(admission)

        probing.watch(settled)

    # --- judging -------------------------------------------------------------------------------

    def _servers(self) -> Collection[str]:
        servers = self._runtime.servers
        return servers() if servers is not None and self._group.per_server else ()

    def _breaker_of(self, request: Request) -> Breaker | None:
        """The circuit of the server that answered, or failed; `None` when none was asked."""
        if not self._group.per_server:
            return self._group.breakers[ALL]
        if request.served_by:
            return self._group.breaker(request.served_by)
        servers = self._servers()
        return self._group.breaker(next(iter(servers))) if len(servers) == 1 else None

    def _failed(
        self, request: Request, error: UpstreamError, begun: float, epoch: int, probe: str | None = None
    ) -> None:
        if request.made_good is not None:
            self._made_good(request, epoch, probe)
        failed = self._judge.of_error(error)
        breaker = self._breaker_of(request)
        if failed is None or breaker is None:
            return
        now = self._runtime.clock.monotonic()
        is_probe = probe is not None and self._group.breakers.get(probe) is breaker
        breaker.record(failed, now - begun, epoch, now, probe=is_probe)

    def _made_good(self, request: Request, epoch: int, probe: str | None = None) -> None:
        """Another server was asked in place of one that failed: that one has a circuit, too."""
        error, request.made_good = request.made_good, None
        group = self._group
        if isinstance(error, UpstreamConnectError) and group.per_server and self._judge.of_error(error):
            now = self._runtime.clock.monotonic()
            group.breaker(error.server).record(True, 0.0, epoch, now, probe=probe == error.server)

    def _watch_body(self, body: BodyStream, breaker: Breaker, epoch: int) -> None:
        """Count a body that breaks off, when it does."""

        def ended(end: StreamEnd) -> None:
            if end is StreamEnd.FAILED and self._judge.of_body(body.error):
                breaker.spoil(epoch, self._runtime.clock.monotonic())

        body.on_end(ended)

    # --- in place of the upstream ----------------------------------------------------------------

    async def _refuse(self, request: Request, refusal: Refusal, now: float) -> Response:
        """The answer to a request that may not pass. Raises CircuitOpenError."""
        retry_after, group = retry_seconds(refusal, now), self._group
        has_stale = request.attributes and request.attributes.get(STALE_AT_HAND)
        if not has_stale:
            instead = await self._instead(request, retry_after)
            if instead is not None:
                return instead
        self._figures.note(request.trail, CircuitReason.WITHHELD if refusal.is_ramping else CircuitReason.REFUSED)
        told, words = self._told
        if told is not refusal:
            words = words_for(refusal)
            self._told = refusal, words
        error = CircuitOpenError(words, retry_after)
        if now < group.shut_until and self.may_replay and self._elsewhere is None and not has_stale:
            error.replay = self._short_way.replay_of_now()
        raise error

    async def _instead(self, request: Request, retry_after: float | None) -> Response | None:
        """What answers in place of the upstream; `None` when nothing does."""
        if self._elsewhere is not None:
            try:
                response = await self._elsewhere(request)
            except GatewayError as error:
                if error.status < 500:
                    raise
            else:
                if response.status not in self._judge.statuses or self._static is None:
                    self._figures.note(request.trail, CircuitReason.FALLBACK_UPSTREAM)
                    return response
                response.discard()
        if self._static is None:
            return None
        request.served_by = ""  # so that nobody takes it for a server's answer
        self._figures.note(request.trail, CircuitReason.FALLBACK_RESPONSE)
        return self._static.response(retry_after)

    async def _instead_of_failure(self, request: Request, failure: Response | UpstreamError) -> Response:
        """What answers in place of a failure while the circuit is closed, or the failure itself."""
        is_used_up = isinstance(request.body, BodyStream)
        has_stale = request.attributes is not None and request.attributes.get(STALE_AT_HAND)
        instead = None if is_used_up or has_stale else await self._instead(request, None)
        if instead is None:
            if isinstance(failure, UpstreamError):
                raise failure
            return failure
        if isinstance(failure, Response):
            failure.discard()
        return instead

    def explain(self, request: Request) -> dict[str, Any] | None:
        """How the circuits stand that this request would meet."""
        now = self._runtime.clock.monotonic()
        own = [each for each in self._board.listing(now) if each["group"] == self._group.name]
        shut = [each["circuit"] for each in own if each["state"] == "open"]
        keys = self._servers() if self._group.per_server else self._group.breakers
        is_shut = bool(shut) and len(shut) >= len(keys or own)
        return {
            "decision": "refuse" if is_shut else "pass",
            "reason": "open" if is_shut else "around" if shut else "closed",
            "circuits": [f"{each['circuit']}: {each['state']}" for each in own],
        }
