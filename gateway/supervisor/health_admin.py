"""The servers of upstreams in the admin application: how they stand, and draining one."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from gateway.supervisor.problem import problem
from gateway.supervisor.supervisor import Supervisor

ADDED_UP = ("pending", "upgraded", "connections")
"""What workers tell of a server and what is added up over them."""


class HealthAdmin:
    """The handlers, over what the supervisor and its workers know."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    async def list(self, request: web.Request) -> web.Response:
        """Every upstream with its servers."""
        told = await self._supervisor.told_by_workers()
        return web.json_response(with_workers(self._supervisor.servers.status(), told))

    async def drain(self, request: web.Request) -> web.Response:
        """No new requests to a server; those it has may end. The answer says how many there are."""
        return await self._set(request, is_draining=True)

    async def resume(self, request: web.Request) -> web.Response:
        """Requests to a server again."""
        return await self._set(request, is_draining=False)

    async def _set(self, request: web.Request, *, is_draining: bool) -> web.Response:
        upstream, url = request.match_info["upstream"], request.match_info["server"]
        try:
            shown = self._supervisor.servers.drain(upstream, url, is_draining)
        except LookupError as error:
            return problem(HTTPStatus.NOT_FOUND, str(error))
        told = await self._supervisor.fleet.broadcast("status")
        return web.json_response({"upstream": upstream, **shown, **of_server(told, upstream, url)})


def with_workers(status: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The status of upstreams with what the workers say about each server."""
    return {
        name: {**shown, "servers": [{**each, **of_server(told, name, each["url"])} for each in shown["servers"]]}
        for name, shown in status.items()
    }


def of_server(told: Sequence[Mapping[str, Any]], upstream: str, url: str) -> dict[str, Any]:
    """What the workers together have going with a server, and how many of them leave it out after failures."""
    seen = [found for each in told if (found := _told_of(each, upstream, url)) is not None]
    together = {name: sum(each.get(name, 0) for each in seen) for name in ADDED_UP}
    return {**together, "ejected_by": sum(each.get("ejected_seconds", 0) > 0 for each in seen)}


def _told_of(told: Mapping[str, Any], upstream: str, url: str) -> Mapping[str, Any] | None:
    upstreams = told.get("upstreams")
    servers = upstreams.get(upstream) if isinstance(upstreams, Mapping) else None
    found = servers.get(url) if isinstance(servers, Mapping) else None
    return found if isinstance(found, Mapping) else None
