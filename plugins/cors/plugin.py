"""The `cors` plugin on the road."""

from typing import assert_never

from gateway.api import (
    Decision,
    Fields,
    GatewayError,
    Handler,
    Plugin,
    RefusedError,
    Request,
    Response,
    Runtime,
)
from plugins.cors.policy import Answer, CorsReason, Pass, Policy, Refuse, put
from plugins.cors.settings import CorsSettings


class CorsPlugin(Plugin):
    """Answer preflights, and say on every answer which pages may read it."""

    Settings = CorsSettings
    replay_safe = True  # all it says follows from the request's fields
    before = ("cache", "coalesce")  # what they share is shared between origins

    def __init__(self, settings: CorsSettings, runtime: Runtime) -> None:
        self._policy = Policy(settings)
        self._decisions = {reason: Decision("cors", reason) for reason in CorsReason}
        self._counters = {
            (reason, is_preflight): runtime.figures.counter(
                "cors_requests_total",
                "Requests with an Origin.",
                route=runtime.route,
                kind="preflight" if is_preflight else "actual",
                outcome=reason.value,
            )
            for reason in CorsReason
            for is_preflight in (False, True)
        }

    def wrap(self, inner: Handler) -> Handler:
        """`inner` behind the CORS protocol."""
        policy = self._policy

        async def handle(request: Request) -> Response:
            plan = policy.plan(request)
            match plan:
                case Pass():
                    if plan.reason is not None:
                        self._note(request, plan.reason, plan.is_preflight)
                    try:
                        response = await inner(request)
                    except GatewayError:
                        _leave(request, plan)  # so that a page can read what went wrong
                        raise
                    put(response.fields, plan.fields, plan.vary)
                    return response
                case Answer(fields, vary, reason):
                    self._note(request, reason, True)
                    answer = Response(204, Fields())
                    put(answer.fields, fields, vary)
                    return answer
                case Refuse(detail, _, reason, is_preflight):
                    self._note(request, reason, is_preflight)
                    _leave(request, plan)
                    raise RefusedError(detail)
                case _:
                    assert_never(plan)

        return handle

    def _note(self, request: Request, reason: CorsReason, is_preflight: bool) -> None:
        request.trail.append(self._decisions[reason])
        self._counters[reason, is_preflight].inc()


def _leave(request: Request, plan: Pass | Refuse) -> None:
    """Leave the fields for the answer that will be made of an error."""
    if request.error_fields is None:
        request.error_fields = Fields()
    put(request.error_fields, plan.fields if isinstance(plan, Pass) else (), plan.vary)
