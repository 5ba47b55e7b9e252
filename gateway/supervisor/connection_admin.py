"""Upgraded connections in the admin application: who is connected, and the end of one."""

from http import HTTPStatus

import structlog
from aiohttp import web

from gateway.supervisor.connections import list_of, read_close, read_list
from gateway.supervisor.problem import problem
from gateway.supervisor.question import QuestionError
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.told import status_of, words_for


class ConnectionAdmin:
    """The handlers, over the workers of a supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._log = structlog.get_logger("slipstream.admin")

    async def list(self, request: web.Request) -> web.Response:
        """Every upgraded connection, or those of a route."""
        try:
            asked = read_list(list(request.query.items()))
        except QuestionError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        told = await self._supervisor.fleet.ask("connections", **asked)
        status = status_of(told)
        if status not in (HTTPStatus.OK, HTTPStatus.MULTI_STATUS):
            return problem(status, words_for(status, told, "connections"), workers=[each.to_json() for each in told])
        return web.json_response(list_of(asked, told), status=status)

    async def close(self, request: web.Request) -> web.Response:
        """End one, with a code and a reason; 404 when no worker has it."""
        try:
            asked = read_close(await request.json())
        except QuestionError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except ValueError:
            return problem(HTTPStatus.BAD_REQUEST, "the content is not JSON")
        told = await self._supervisor.fleet.ask("close_connection", **asked)
        closed = sum(each.answer.get("closed", 0) for each in told)
        if closed:
            self._log.info("connection closed", **asked)
            return web.json_response({**asked, "closed": closed})
        status = status_of(told)
        if status in (HTTPStatus.OK, HTTPStatus.MULTI_STATUS):
            return problem(HTTPStatus.NOT_FOUND, f"no worker has a connection {asked['id']!r}")
        return problem(status, words_for(status, told, "connections"), workers=[each.to_json() for each in told])
