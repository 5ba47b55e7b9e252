"""Arrays of calls on the road. The only file of this part that awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from gateway.api import (
    BodyStream,
    GatewayError,
    Handler,
    RefusedError,
    Request,
    Response,
    Runtime,
    UpstreamProtocolError,
)
from plugins.batch.client.request import is_item
from plugins.batch.common.figures import BatchFigures
from plugins.batch.common.json_text import JsonError
from plugins.batch.common.plugin import content_of, side_by_side
from plugins.batch.common.reasons import RpcReason
from plugins.batch.rpc.calls import Call, Shared, stages
from plugins.batch.rpc.endpoint import Endpoint, takes
from plugins.batch.settings import RpcSettings


class _Array:
    """An array of calls while it is answered."""

    __slots__ = ("answers", "calls", "cookies", "left", "request", "waited")

    def __init__(self, request: Request, calls: Sequence[Call], left: int) -> None:
        self.request = request
        self.calls = calls
        self.answers: list[str | None] = [None] * len(calls)
        self.cookies: list[bytes] = []
        self.left = left
        self.waited = 0.0


class RpcPart:
    """Takes arrays of calls apart, asks equal ones once, and puts the answers together."""

    def __init__(self, settings: Sequence[RpcSettings], runtime: Runtime) -> None:
        self._runtime = runtime
        self._endpoints = {endpoint.path: endpoint for endpoint in map(Endpoint, settings)}
        self._figures = BatchFigures(runtime.figures, runtime.route, "rpc")
        self._inner: Handler

    def endpoint(self, path: bytes) -> Endpoint | None:
        """The endpoint of that path, if there is one."""
        return self._endpoints.get(path)

    def wrap(self, inner: Handler) -> Handler:
        """`inner`, but for arrays that are posted to the endpoints."""
        self._inner = inner
        endpoints = self._endpoints

        def handle(request: Request) -> Awaitable[Response]:
            if request.method == "POST":
                endpoint = endpoints.get(request.path)
                if endpoint is not None and takes(request):
                    return self._posted(endpoint, request)
            return inner(request)

        return handle

    async def _posted(self, endpoint: Endpoint, request: Request) -> Response:
        body = request.body
        length = len(body) if isinstance(body, bytes) else body.length
        if length is not None and length > endpoint.max_body:
            self._figures.decide(request, RpcReason.TOO_LARGE)
            return await self._inner(request)
        if isinstance(body, BodyStream):
            body = request.body = await body.read(endpoint.max_body)
        calls = endpoint.protocol.calls(body)
        if calls is None:
            self._figures.decide(request, RpcReason.NOT_AN_ARRAY)
            return await self._inner(request)
        if is_item(request):
            self._figures.decide(request, RpcReason.NESTED)
            raise RefusedError(RpcReason.NESTED.sentence, status=400)
        if len(calls) > endpoint.most:
            self._figures.decide(request, RpcReason.TOO_MANY)
            raise RefusedError(RpcReason.TOO_MANY.sentence, status=413)
        self._figures.sizes.observe(len(calls))
        planned = stages(calls, in_order=endpoint.protocol.in_order)
        sent = [shared for stage in planned for shared in stage]
        array = _Array(request, calls, endpoint.max_answers)
        if not endpoint.sends_arrays:
            self._figures.decide(request, RpcReason.TAKEN_APART)
            await self._apart(endpoint, array, planned)
        elif len(sent) == len(calls):
            self._figures.decide(request, RpcReason.UNCHANGED)
            return await self._inner(request)
        elif sent:
            self._figures.decide(request, RpcReason.REDUCED)
            passed = await self._reduced(endpoint, array, sent)
            if passed is not None:
                return passed
        self._figures.saved.inc(sum(len(shared.places) - 1 for shared in sent))
        request.upstream_wait += array.waited
        return endpoint.response(calls, array.answers, array.cookies)

    async def _apart(self, endpoint: Endpoint, array: _Array, planned: Sequence[Sequence[Shared]]) -> None:
        """Send each call by itself, stage after stage."""

        async def work(shared: Shared) -> None:
            endpoint.share(shared, array.calls, array.answers, await self._call(endpoint, array, shared.call))

        try:
            async with asyncio.timeout(endpoint.timeout):
                for stage in planned:
                    await side_by_side(self._runtime.tasks, work, stage, endpoint.concurrency, "batch.calls")
        except TimeoutError:
            for shared in (shared for stage in planned for shared in stage):
                if array.answers[shared.places[0]] is None:
                    late = endpoint.protocol.failure(shared.call, "the array of calls took too long", 504)
                    endpoint.share(shared, array.calls, array.answers, late)

    async def _call(self, endpoint: Endpoint, array: _Array, call: Call) -> str:
        """The answer to one call; what goes wrong is an answer as well."""
        protocol = endpoint.protocol
        request = endpoint.request(array.request, call.text.encode())
        try:
            response = await self._inner(request)
            body = await content_of(response, min(endpoint.max_answer, array.left))
            if len(body) > array.left:  # of those that were read at the same time the first counts
                raise UpstreamProtocolError("the answers to the array are too large together")
        except GatewayError as error:
            return protocol.failure(call, error.detail, error.status)
        except Exception as error:  # of a plugin behind
            self._runtime.log.error("a call of an array failed", exc_info=error, target=request.target)
            return protocol.failure(call, "the gateway failed; its log says why", 500)
        finally:
            array.waited = max(array.waited, request.upstream_wait)
            array.request.served_by = request.served_by
        array.left -= len(body)
        array.cookies += response.fields.values(b"set-cookie")
        try:
            return protocol.answer(call, body)
        except JsonError as error:
            status = response.status if response.status >= 400 else 502
            detail = f"the upstream answered {response.status}" if response.status >= 400 else str(error)
            return protocol.failure(call, detail, status)

    async def _reduced(self, endpoint: Endpoint, array: _Array, sent: Sequence[Shared]) -> Response | None:
        """Send the calls that are left in one array. What the upstream says about the array as a whole passes as it
        is: then that is the answer. Raises UpstreamError for what is no answer to these calls."""
        protocol = endpoint.protocol
        calls = [shared.call for shared in sent]
        request = endpoint.request(array.request, protocol.array(calls))
        try:
            response = await self._inner(request)
            if response.status == 204:
                response.discard()
                return None
            if response.status != 200:
                return response
            body = await content_of(response, endpoint.max_answers)
        finally:
            array.waited = request.upstream_wait
            array.request.served_by = request.served_by
        if protocol.whole_error(body):
            response.body = body
            return response
        array.cookies += response.fields.values(b"set-cookie")
        try:
            answers = protocol.answers(calls, body)
        except JsonError as error:
            raise UpstreamProtocolError(f"the answer to an array of calls cannot be used: {error}") from None
        for shared, answer in zip(sent, answers, strict=True):
            if answer is not None:
                endpoint.share(shared, array.calls, array.answers, answer)
        return None
