"""The `headers` plugin on the road."""

from random import Random

from gateway.api import Decision, Fields, GatewayError, Handler, Plugin, Request, Response, Runtime
from plugins.headers.changes import CompiledChanges, CompiledResponses
from plugins.headers.request_id import RequestIdReason, choose
from plugins.headers.settings import HeadersSettings
from plugins.headers.template import Moment


class HeadersPlugin(Plugin):
    """Set, add and remove fields, and give every request an id."""

    Settings = HeadersSettings

    def __init__(self, settings: HeadersSettings, runtime: Runtime) -> None:
        constants = {"route": runtime.route, "upstream": runtime.upstream}
        self._request = CompiledChanges(settings.request, constants)
        self._responses = CompiledResponses(settings.response, constants)
        self._id = settings.request_id
        self.replay_safe = self._id is None and self._request.is_constant and self._responses.is_constant
        figures, route = runtime.figures, runtime.route
        help_text = "Messages whose fields the headers plugin changed."
        self._changed_requests = figures.counter("headers_changed_total", help_text, route=route, side="request")
        self._changed_responses = figures.counter("headers_changed_total", help_text, route=route, side="response")
        self._ids = {
            reason: (
                Decision("headers", reason),
                figures.counter("headers_request_ids_total", "Ids of requests.", route=route, outcome=reason.value),
            )
            for reason in (RequestIdReason if self._id is not None else ())
        }
        self._id_field = self._id.header.encode() if self._id is not None else b""
        self._id_name = self._id_field.lower()
        self._trusts = self._id is not None and self._id.trust
        self._random = Random()

    def wrap(self, inner: Handler) -> Handler:
        """`inner` between the changes; `inner` itself when there are none."""
        changes, responses = self._request, self._responses
        identifies = self._id is not None
        respond = self._id_field if self._id is not None and self._id.respond else None
        changed_requests, changed_responses = self._changed_requests, self._changed_responses

        def answer(fields: Fields, moment: Moment) -> None:
            if respond is not None:
                fields.set(respond, moment.request_id)
            if responses.apply(fields, moment):
                changed_responses.inc()

        async def handle(request: Request) -> Response:
            moment = Moment(request)
            if identifies:
                moment.request_id = self._identify(request)
            if changes:
                changes.apply(request.fields, moment)
                changed_requests.inc()
            if identifies:  # last, so that no change takes it away
                self._write_id(request.fields, moment.request_id)
            try:
                response = await inner(request)
            except GatewayError as error:  # the answer is made further out, from these fields among others
                moment.status = error.status
                if request.error_fields is None:
                    request.error_fields = Fields()
                answer(request.error_fields, moment)
                raise
            moment.status = response.status
            answer(response.fields, moment)
            return response

        return handle if changes or responses or identifies else inner

    def _identify(self, request: Request) -> bytes:
        """The id that the request brought, or a new one."""
        chosen, reason = choose(
            request.fields.get(self._id_name), self._trusts or request.downstream.trusted, self._new_id
        )
        decision, counter = self._ids[reason]
        request.trail.append(decision)
        counter.inc()
        return chosen

    def _write_id(self, fields: Fields, chosen: bytes) -> None:
        if fields.get(self._id_name) != chosen:
            fields.set(self._id_field, chosen)

    def _new_id(self) -> bytes:
        return b"%032x" % self._random.getrandbits(128)
