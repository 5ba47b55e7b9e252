"""One endpoint that takes arrays of calls, with all that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api import Fields, Request, Response
from plugins.batch.common.json_text import is_json
from plugins.batch.common.names import Names
from plugins.batch.rpc.calls import Call, Shared
from plugins.batch.rpc.graphql import GraphQL
from plugins.batch.rpc.json_rpc import JsonRpc
from plugins.batch.settings import Protocol, RpcSettings, Send


class Endpoint:
    """An endpoint, compiled."""

    def __init__(self, settings: RpcSettings) -> None:
        self.path = settings.path.encode()
        self.protocol: JsonRpc | GraphQL = (
            JsonRpc(Names(settings.safe)) if settings.protocol is Protocol.JSON_RPC else GraphQL()
        )
        self.sends_arrays = settings.send is Send.ARRAY
        self.most = settings.max
        self.concurrency = settings.concurrency
        self.max_body = settings.max_body
        self.max_answer = settings.max_answer
        self.max_answers = settings.max_answers
        self.timeout = settings.timeout

    def request(self, array: Request, body: bytes) -> Request:
        """A request upstream for a part of an array: its own, with other content and an answer without a coding."""
        fields = array.fields.copy()
        fields.remove(b"accept-encoding")
        request = Request(
            "POST", array.target, fields, body, array.authority, array.downstream, array.started, array.minor
        )
        request.scheme, request.client, request.route = array.scheme, array.client, array.route
        request.deadline = array.deadline
        return request

    def response(self, calls: Sequence[Call], answers: Sequence[str | None], cookies: Sequence[bytes]) -> Response:
        """The answers in the order of their calls. 204 when no call wants one (JSON-RPC 2.0 §6)."""
        texts = [
            call.refusal or answer or self.protocol.failure(call, "there was no answer to this call", 502)
            for call, answer in zip(calls, answers, strict=True)
            if call.wants_answer
        ]
        fields = Fields([(b"Cache-Control", b"no-store")])
        for cookie in cookies:
            fields.add(b"Set-Cookie", cookie)
        if not texts:
            return Response(204, fields)
        fields.add(b"Content-Type", b"application/json")
        return Response(200, fields, f"[{','.join(texts)}]".encode())

    def share(self, shared: Shared, calls: Sequence[Call], answers: list[str | None], answer: str) -> None:
        """Give an answer to every call it is for."""
        for place in shared.places:
            answers[place] = self.protocol.fit(calls[place], answer) if calls[place].wants_answer else None


def takes(request: Request) -> bool:
    """Whether a POST may hold an array of calls, as far as its head tells."""
    fields = request.fields
    return is_json(fields.get(b"content-type")) and b"content-encoding" not in fields and request.upgrade is None
