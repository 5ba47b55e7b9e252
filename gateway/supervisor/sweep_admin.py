"""Sweeps in the admin application: ordered, watched, paused, resumed and cancelled."""

from http import HTTPStatus

import structlog
from aiohttp import web

from gateway.supervisor.problem import problem
from gateway.supervisor.question import QuestionError
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.sweep_keeper import FullError
from gateway.supervisor.sweep_order import SweepOrder, read_order
from gateway.supervisor.sweep_run import Run


class SweepAdmin:
    """The handlers, over the sweeps of a supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._log = structlog.get_logger("slipstream.admin")

    async def start(self, request: web.Request) -> web.Response:
        """Take in an order; 202 with the report so far."""
        try:
            order = read_order(await request.json(), self._supervisor.configuration.settings.sweeps)
            self._check(order)
            run = self._supervisor.sweeps.start(order)
        except QuestionError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        except ValueError:
            return problem(HTTPStatus.BAD_REQUEST, "the content is not JSON")
        except FullError as error:
            return problem(HTTPStatus.CONFLICT, str(error))
        return web.json_response(run.to_json(), status=HTTPStatus.ACCEPTED)

    def _check(self, order: SweepOrder) -> None:
        """Raises QuestionError for routes that there are not: a sweep of them would find nothing to do."""
        known = {route.name for route in self._supervisor.configuration.routes}
        unknown = [name for name in order.settings.routes if name not in known]
        if unknown:
            raise QuestionError(f"no route is called {unknown[0]!r}; there are {', '.join(sorted(known))}")

    async def list(self, request: web.Request) -> web.Response:
        """All runs that are remembered, the latest first, and the sweeps of the configuration."""
        return web.json_response(self._supervisor.sweeps.to_json())

    async def show(self, request: web.Request) -> web.Response:
        """How one run stands, or its report."""
        return web.json_response(self._run(request).to_json())

    async def pause(self, request: web.Request) -> web.Response:
        """Let a run rest until it is resumed; 409 when it is not under way."""
        return self._done("pause", run := self._run(request), run.pause())

    async def resume(self, request: web.Request) -> web.Response:
        """Let a run go on; 409 when it is not under way."""
        return self._done("resume", run := self._run(request), run.resume())

    async def cancel(self, request: web.Request) -> web.Response:
        """End a run after the requests under way; 409 when it is over."""
        return self._done("cancel", run := self._run(request), run.cancel())

    def _run(self, request: web.Request) -> Run:
        run = self._supervisor.sweeps.find(request.match_info["run"])
        if run is None:
            raise web.HTTPNotFound(reason="no sweep of that id is remembered")
        return run

    def _done(self, order: str, run: Run, is_done: bool) -> web.Response:
        if not is_done:
            return problem(HTTPStatus.CONFLICT, f"the sweep is {run.state.value}", run=run.to_json())
        self._log.info("sweep ordered", order=order, run=run.id)
        return web.json_response(run.to_json())
