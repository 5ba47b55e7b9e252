"""JSON-RPC 2.0: calls and notifications, and answers that are found by their id."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from plugins.batch.common.json_text import JsonError, elements, find, members, skip_space, text_of, whole
from plugins.batch.common.names import Names
from plugins.batch.rpc.calls import Call, members_of

INVALID = -32600
"""JSON-RPC 2.0 §5.1: not a valid request."""
FAILED = -32000
"""JSON-RPC 2.0 §5.1: an error of the server; here, of whoever should have answered."""


class JsonRpc:
    """How arrays of JSON-RPC are read and written."""

    in_order: ClassVar[bool] = False
    """Whether calls that change something wait for those in front of them."""

    def __init__(self, safe: Names) -> None:
        self._safe = safe

    def calls(self, body: bytes) -> list[Call] | None:
        """The calls of an array; `None` for what is no array."""
        found = members_of(body)
        return None if found is None else [self._call(value, text) for value, text in found]

    def _call(self, value: Any, text: str) -> Call:
        if not isinstance(value, dict):
            return Call(text, refusal=error_answer("null", INVALID, "Invalid Request"))
        spans = [(name, begin, end) for name, _, begin, end in members(text, 0)]
        places = {name: (begin, end) for name, begin, end in spans}
        id_at = places.get("id")
        known = text[slice(*id_at)] if id_at is not None and _is_id(value["id"]) else None
        if len(places) != len(spans) or not _is_call(value):  # a name that occurs twice is read in two ways
            return Call(text, refusal=error_answer(known or "null", INVALID, "Invalid Request"))
        method: str = value["method"]
        if method not in self._safe:
            return Call(text, None, True, known, id_at, id_at is not None)
        params = places.get("params")
        key = (method, None if params is None else text[slice(*params)])
        return Call(text, key if id_at is not None else None, False, known, id_at, id_at is not None)

    def answer(self, call: Call, body: bytes) -> str:
        """The answer to a call that was sent alone. Raises JsonError when it is none."""
        text = text_of(body).strip(" \t\r\n")
        value = whole(text)
        if not _is_answer(value):
            raise JsonError("the upstream's answer is not one of JSON-RPC 2.0")
        if value.get("id") is not None and call.id is not None and value["id"] != json.loads(call.id):
            raise JsonError("the upstream's answer is to another call")
        return text

    def fit(self, call: Call, answer: str) -> str:
        """An answer as `call` wants to see it: with its own id."""
        for name, _, begin, end in members(answer, 0):
            if name == "id":
                return f"{answer[:begin]}{call.id}{answer[end:]}"
        return f'{{"id":{call.id},{answer[1:]}'

    def failure(self, call: Call, detail: str, status: int) -> str:
        """What a call is answered whose answer did not come."""
        return error_answer(call.id or "null", FAILED, detail, status)

    def array(self, calls: list[Call]) -> bytes:
        """An array of calls. Their ids are their places, since those of a client may be equal."""
        return f"[{','.join(self._numbered(call, place) for place, call in enumerate(calls))}]".encode()

    def _numbered(self, call: Call, place: int) -> str:
        if call.id_at is None:
            return call.text
        return f"{call.text[: call.id_at[0]]}{place}{call.text[call.id_at[1] :]}"

    def answers(self, calls: list[Call], body: bytes) -> list[str | None]:
        """The answers of an array, by the places of their calls. Raises JsonError when it is no array of answers."""
        text = text_of(body)
        whole(text)
        found: list[str | None] = [None] * len(calls)
        twice: set[int] = set()
        for value, begin, end in elements(text, skip_space(text, 0)):
            place = value.get("id") if isinstance(value, dict) else None
            if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < len(calls):
                continue
            if found[place] is not None or place in twice:
                twice.add(place)
            elif _is_answer(value) and calls[place].wants_answer:
                found[place] = text[begin:end]
        for place in twice:
            found[place] = None
        return found

    def whole_error(self, body: bytes) -> bool:
        """Whether it is one error about an array as a whole (JSON-RPC 2.0 §6)."""
        try:
            text = text_of(body)
            value = whole(text)
            return isinstance(value, dict) and value.get("id") is None and find(text, ("error",)) > 0
        except JsonError:
            return False


def _is_id(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def _is_call(value: dict[str, Any]) -> bool:
    return (
        value.get("jsonrpc") == "2.0"
        and isinstance(value.get("method"), str)
        and isinstance(value.get("params", []), list | dict)
        and _is_id(value.get("id"))
    )


def _is_answer(value: Any) -> bool:
    return isinstance(value, dict) and ("result" in value) != ("error" in value)


def error_answer(known: str, code: int, message: str, status: int | None = None) -> str:
    """An answer that says what went wrong (JSON-RPC 2.0 §5.1); `known` is the id as JSON."""
    data = "" if status is None else f',"data":{{"status":{status}}}'
    return f'{{"jsonrpc":"2.0","error":{{"code":{code},"message":{json.dumps(message)}{data}}},"id":{known}}}'
