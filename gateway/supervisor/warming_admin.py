"""Warming in the admin application: runs begun, watched, cancelled and resumed."""

from http import HTTPStatus

import orjson
from aiohttp import web

from gateway.supervisor.problem import problem
from gateway.supervisor.supervisor import Supervisor
from gateway.warming.desk import BusyError
from gateway.warming.order import OrderError, read_order
from gateway.warming.run import Run

LARGEST_ORDER = 32 * 1024 * 1024
"""Octets of an order: some 300,000 URLs."""


class WarmingAdmin:
    """The handlers, over the warming of a supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    async def start(self, request: web.Request) -> web.Response:
        """Begin a run; 202 with its first report, 409 while another one is under way."""
        try:
            document = orjson.loads(await _content(request))
        except orjson.JSONDecodeError:
            return problem(HTTPStatus.BAD_REQUEST, "the content is not JSON")
        try:
            order = read_order(document, self._supervisor.configuration.settings.warming)
            run = self._supervisor.warming.start(order)
        except OrderError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except BusyError as error:
            return problem(HTTPStatus.CONFLICT, str(error))
        return _report(run, HTTPStatus.ACCEPTED)

    async def list(self, request: web.Request) -> web.Response:
        """The last runs, the latest first."""
        return web.json_response({"runs": self._supervisor.warming.to_json()})

    async def show(self, request: web.Request) -> web.Response:
        """How one run stands."""
        return _report(self._run(request))

    async def cancel(self, request: web.Request) -> web.Response:
        """Stop a run. One that is over stays as it is."""
        run = self._run(request)
        await run.cancel()
        return _report(run)

    async def resume(self, request: web.Request) -> web.Response:
        """Let a run go on that was cancelled or failed."""
        run = self._run(request)
        try:
            if run.state.is_over:
                self._supervisor.warming.resume(run)
        except (BusyError, ValueError) as error:
            return problem(HTTPStatus.CONFLICT, str(error))
        return _report(run, HTTPStatus.ACCEPTED)

    def _run(self, request: web.Request) -> Run:
        run = self._supervisor.warming.find(request.match_info["run"])
        if run is None:
            raise web.HTTPNotFound(reason="no run of that id is remembered")
        return run


def _report(run: Run, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.json_response(run.to_json(), status=status)


async def _content(request: web.Request) -> bytes:
    """The whole content: lists are larger than what this application takes otherwise."""
    pieces = bytearray()
    async for piece in request.content.iter_any():
        pieces += piece
        if len(pieces) > LARGEST_ORDER:
            raise web.HTTPRequestEntityTooLarge(LARGEST_ORDER, len(pieces))
    return bytes(pieces)
