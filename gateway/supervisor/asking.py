"""What the admin application asks of every worker: purges, lists of what is stored, what would happen to a request.

The words are the gateway's own. Whichever plugins answer them do so in each worker, for that worker's memory."""

import secrets
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from gateway.supervisor.entries import page_of, read_search
from gateway.supervisor.problem import problem
from gateway.supervisor.question import PurgeOrder, QuestionError, read_explain, read_purge
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.told import Telling, Told, replicas_of, status_of, without_replicas, words_for

PURGE_SECONDS = 30.0
"""How long a worker may take for a purge or a list. It looks at a million stored responses in less, in small steps."""


class Asking:
    """The handlers, over the workers of a supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._log = structlog.get_logger("slipstream.admin")

    async def purge(self, request: web.Request) -> web.Response:
        """Remove what is stored, or make it stale, in every worker of this gateway and of those with the same Redis;
        207 names those that did not acknowledge it."""
        try:
            order = read_purge(await request.json())
        except QuestionError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except ValueError:
            return problem(HTTPStatus.BAD_REQUEST, "the content is not JSON")
        identity = secrets.token_hex(8)  # by which workers know that they tell other gateways of the same one
        told = await self._supervisor.fleet.ask("purge", timeout=PURGE_SECONDS, **order.fields(), id=identity)
        counts = {name: sum(each.answer.get(name, 0) for each in told) for name in ("count", "octets")}
        acknowledged = sum(each.telling is Telling.ANSWERED for each in told)
        replicas = replicas_of(told)
        note = self._note_on(order, counts["count"])
        if not order.dry_run:
            self._log.info(
                "purge", **order.fields(), **counts, acknowledged=acknowledged, workers=len(told), **replicas
            )
        return self._answer(
            "purge",
            told,
            lambda: {
                **order.fields(),
                **counts,
                "acknowledged": acknowledged,
                **replicas,
                **note,
                "workers": [without_replicas(each.to_json()) for each in told],
            },
            partly=bool(replicas and (replicas["replicas"].get("error") or replicas["replicas"].get("silent"))),
        )

    def _note_on(self, order: PurgeOrder, count: int) -> dict[str, str]:
        """A word on a purge that found nothing, perhaps because of its name. Routes of old may have left something."""
        routes = [plan.name for plan in self._supervisor.configuration.routes]
        if order.by != "route" or count or order.value in routes:
            return {}
        return {"note": f"no route is called {order.value!r}; there are {', '.join(routes)}"}

    async def entries(self, request: web.Request) -> web.Response:
        """A page of what is stored."""
        try:
            search = read_search(list(request.query.items()))
        except QuestionError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        told = await self._supervisor.fleet.ask("entries", timeout=PURGE_SECONDS, **search)
        return self._answer("entries", told, lambda: page_of(search, told))

    async def explain(self, request: web.Request) -> web.Response:
        """What would happen to a request now, in each worker; no origin is asked."""
        try:
            question = read_explain(list(request.query.items()))
        except QuestionError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        told = await self._supervisor.fleet.ask("explain", **question)
        return self._answer(
            "explain",
            told,
            lambda: {
                "method": question["method"],
                "url": question["url"],
                "workers": [each.to_json() for each in told],
            },
        )

    def _answer(
        self, asked: str, told: Sequence[Told], document: Callable[[], dict[str, Any]], *, partly: bool = False
    ) -> web.Response:
        for each in told:
            if each.telling is Telling.SILENT:
                self._log.warning("worker did not answer", worker=each.worker, kind=asked, reason=each.error)
        status = status_of(told)
        if partly and status is HTTPStatus.OK:
            status = HTTPStatus.MULTI_STATUS
        if status in (HTTPStatus.OK, HTTPStatus.MULTI_STATUS):
            return web.json_response(document(), status=status)
        return problem(status, words_for(status, told, asked), workers=[each.to_json() for each in told])
