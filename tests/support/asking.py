"""A plugin that sends requests of its own through the gateway, for tests of what it gets to do so."""

from __future__ import annotations

from gateway.api import BodyStream, Fields, GatewayError, Handler, Plugin, Request, Response, Runtime, Settings

ASKING = "tests.support.asking:AskingPlugin"
ASKED: list[Request] = []
"""Requests that were sent, in order. A test clears it first."""


class AskingSettings(Settings):
    """There is nothing to set."""


class AskingPlugin(Plugin):
    """Answers `/ask` with what the gateway answers to a request for the path behind the question mark."""

    Settings = AskingSettings

    def __init__(self, settings: AskingSettings, runtime: Runtime) -> None:
        self._runtime = runtime

    def wrap(self, inner: Handler) -> Handler:
        """Ask, or pass."""
        dispatch = self._runtime.dispatch
        assert dispatch is not None

        async def handle(request: Request) -> Response:
            if not request.target.startswith(b"/ask?"):
                return await inner(request)
            own = Request("GET", request.target[5:], Fields([(b"Host", b"shop.test")]), authority=request.authority)
            ASKED.append(own)
            try:
                response = await dispatch(own)
            except GatewayError as error:
                return Response(200, Fields([(b"X-Error", error.reason.encode())]), b"ok")
            content = response.body if isinstance(response.body, bytes) else None
            if isinstance(response.body, BodyStream):
                content = await response.body.read(1000)
            return Response(200, response.fields, content or b"")

        return handle
