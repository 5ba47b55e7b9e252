"""The admin application: health, metrics, status, configuration, reload, and what workers are asked.

It has a listener of its own and is never to be reached through the data port."""

import asyncio
import time
from http import HTTPStatus
from typing import Any

import aiohttp_cors
import structlog
from aiohttp import hdrs, web

from gateway import __version__
from gateway.config import TcpAddress
from gateway.figures.render import render
from gateway.supervisor.asking import Asking
from gateway.supervisor.breakers import Breakers
from gateway.supervisor.connection_admin import ConnectionAdmin
from gateway.supervisor.guard import Asked, Guard
from gateway.supervisor.health_admin import HealthAdmin
from gateway.supervisor.page import index
from gateway.supervisor.problem import problem
from gateway.supervisor.report import Result
from gateway.supervisor.sockets import Listening
from gateway.supervisor.status import status_of
from gateway.supervisor.supervisor import Supervisor
from gateway.supervisor.sweep_admin import SweepAdmin
from gateway.supervisor.warming_admin import WarmingAdmin

MAX_BODY_OCTETS = 64 * 1024
"""No request to this application has a body worth mentioning."""

PROTECTION = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Admin:
    """The handlers, over what the supervisor knows."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._log = structlog.get_logger("slipstream.admin")

    def application(self) -> web.Application:
        """The application. Origins that may use it are those of the configuration at the start."""
        application = web.Application(middlewares=[self._guarded], client_max_size=MAX_BODY_OCTETS)
        application.on_response_prepare.append(_protect)
        asking = Asking(self._supervisor)
        breakers = Breakers(self._supervisor)
        connections = ConnectionAdmin(self._supervisor)
        servers = HealthAdmin(self._supervisor)
        sweeps = SweepAdmin(self._supervisor)
        warming = WarmingAdmin(self._supervisor)
        routes = [
            application.router.add_get("/", self.index),
            application.router.add_get("/live", self.live),
            application.router.add_get("/ready", self.ready),
            application.router.add_get("/metrics", self.metrics),
            application.router.add_get("/api/status", self.status),
            application.router.add_get("/api/config", self.config),
            application.router.add_post("/api/reload", self.reload),
            application.router.add_post("/api/purge", asking.purge),
            application.router.add_get("/api/entries", asking.entries),
            application.router.add_get("/api/explain", asking.explain),
            application.router.add_get("/api/connections", connections.list),
            application.router.add_post("/api/connections/close", connections.close),
            application.router.add_get("/api/breakers", breakers.list),
            application.router.add_post("/api/breakers", breakers.order),
            application.router.add_post("/api/sweeps", sweeps.start),
            application.router.add_get("/api/sweeps", sweeps.list),
            application.router.add_get("/api/sweeps/{run}", sweeps.show),
            application.router.add_post("/api/sweeps/{run}/pause", sweeps.pause),
            application.router.add_post("/api/sweeps/{run}/resume", sweeps.resume),
            application.router.add_post("/api/sweeps/{run}/cancel", sweeps.cancel),
            application.router.add_post("/api/warm", warming.start),
            application.router.add_get("/api/warm", warming.list),
            application.router.add_get("/api/warm/{run}", warming.show),
            application.router.add_post("/api/warm/{run}/cancel", warming.cancel),
            application.router.add_post("/api/warm/{run}/resume", warming.resume),
            application.router.add_get("/api/upstreams", servers.list),
            application.router.add_post("/api/upstreams/{upstream}/servers/{server:.+}/drain", servers.drain),
            application.router.add_post("/api/upstreams/{upstream}/servers/{server:.+}/resume", servers.resume),
        ]
        options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]  # its constructor has no types
            allow_methods=["GET", "POST"], allow_headers=["Authorization", "Content-Type", "Accept"], max_age=600
        )
        cors = aiohttp_cors.setup(application, defaults=dict.fromkeys(self._guard().origins, options))
        for route in routes:
            cors.add(route)
        return application

    async def index(self, request: web.Request) -> web.Response:
        """What there is."""
        return web.Response(text=index(__version__), content_type="text/html")

    async def live(self, request: web.Request) -> web.Response:
        """The supervisor runs; nothing more is said."""
        return web.json_response({"live": True})

    async def ready(self, request: web.Request) -> web.Response:
        """Whether requests are welcome."""
        found = self._supervisor.readiness()
        status = HTTPStatus.OK if found.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"ready": found.is_ready, "reasons": list(found.reasons)}, status=status)

    async def metrics(self, request: web.Request) -> web.Response:
        """Figures. No worker is asked, and a thread does the work, so that workers are watched meanwhile."""
        snapshot = self._supervisor.ledger.snapshot()
        page, content_type = await asyncio.to_thread(render, snapshot, request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=page, headers={hdrs.CONTENT_TYPE: content_type})

    async def status(self, request: web.Request) -> web.Response:
        """Everything about the gateway itself."""
        told = await self._supervisor.told_by_workers()
        return web.json_response(status_of(self._supervisor, told, time.time()))

    async def config(self, request: web.Request) -> web.Response:
        """The configuration in use."""
        return web.json_response(self._supervisor.configuration.public())

    async def reload(self, request: web.Request) -> web.Response:
        """Reload; 422 with the mistakes when the configuration is refused."""
        report = await asyncio.shield(self._supervisor.reload("api"))
        if report.result is Result.APPLIED:
            return web.json_response(report.to_json())
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the configuration was refused", **report.to_json())

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        refusal = self._guard().refusal(asked(request))
        if refusal is not None:
            answer = problem(refusal.status, refusal.detail)
            if refusal.status == HTTPStatus.UNAUTHORIZED:
                answer.headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="slipstream"'
            return answer
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPException as error:
            answer = problem(error.status, error.reason)
            answer.headers.update({name: error.headers[name] for name in (hdrs.ALLOW,) if name in error.headers})
            return answer
        except Exception as error:
            self._log.error("admin request failed", path=request.path, exc_info=error)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the request failed; the log says why")
        return response

    def _guard(self) -> Guard:
        """Made anew for each request: the token may change with a reload."""
        settings = self._supervisor.configuration.settings.admin
        if settings is None:
            return Guard(None, None)
        address = settings.address
        host = address.host if isinstance(address, TcpAddress) else None
        token = settings.token.get_secret_value() if settings.token is not None else None
        return Guard(token, host, settings.cors_origins)


def asked(request: web.Request) -> Asked:
    """What the guard needs of a request."""
    fields = request.headers
    return Asked(
        method=request.method,
        path=request.path,
        host=fields.get(hdrs.HOST),
        origin=fields.get(hdrs.ORIGIN),
        authorization=fields.get(hdrs.AUTHORIZATION),
        fetch_site=fields.get("Sec-Fetch-Site"),
        is_preflight=request.method == "OPTIONS" and hdrs.ACCESS_CONTROL_REQUEST_METHOD in fields,
    )


async def _protect(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in PROTECTION.items():
        response.headers.setdefault(name, value)


async def serve_admin(supervisor: Supervisor, listening: Listening) -> web.AppRunner:
    """Begin to answer on the socket; `cleanup` of what is returned ends it."""
    runner = web.AppRunner(Admin(supervisor).application(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listening.socket).start()
    return runner
