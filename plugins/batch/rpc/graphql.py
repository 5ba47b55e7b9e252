"""Arrays of GraphQL requests: which of them only ask, and answers that are found by their place."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from plugins.batch.common.json_text import JsonError, elements, members, skip_space, text_of, whole
from plugins.batch.rpc.calls import Call, members_of

_TOKEN = re.compile(
    r'\s+|,|#[^\n\r]*|"""(?:\\"""|[^"]|"(?!""))*"""|"(?:[^"\\\n\r]|\\.)*"(?!")|""(?!")|[_A-Za-z][_0-9A-Za-z]*|.',
    re.DOTALL,
)
_OPEN, _CLOSE = frozenset("{(["), frozenset("})]")


class GraphQL:
    """How arrays of GraphQL requests are read and written."""

    in_order: ClassVar[bool] = True
    """Whether calls that change something wait for those in front of them."""

    def calls(self, body: bytes) -> list[Call] | None:
        """The requests of an array; `None` for what is no array."""
        found = members_of(body)
        return None if found is None else [self._call(value, text) for value, text in found]

    def _call(self, value: Any, text: str) -> Call:
        if not isinstance(value, dict):
            return Call(text, refusal=failed("a request is an object", 400))
        spans = [(name, text[begin:end]) for name, _, begin, end in members(text, 0)]
        document = value.get("query")
        if len(dict(spans)) != len(spans) or not isinstance(document, str) or not only_asks(document):
            return Call(text, changes=True)
        return Call(text, key=frozenset(spans))

    def answer(self, call: Call, body: bytes) -> str:
        """The answer to a request that was sent alone. Raises JsonError when it is none."""
        text = text_of(body).strip(" \t\r\n")
        if not isinstance(whole(text), dict):
            raise JsonError("the upstream's answer is not one of GraphQL")
        return text

    def fit(self, call: Call, answer: str) -> str:
        """An answer as `call` wants to see it."""
        return answer

    def failure(self, call: Call, detail: str, status: int) -> str:
        """What a request is answered whose answer did not come."""
        return failed(detail, status)

    def array(self, calls: list[Call]) -> bytes:
        """An array of requests."""
        return f"[{','.join(call.text for call in calls)}]".encode()

    def answers(self, calls: list[Call], body: bytes) -> list[str | None]:
        """The answers of an array, in the order of its requests: there are no ids, so one too few makes all of them
        unusable. Raises JsonError."""
        text = text_of(body)
        whole(text)
        found = [text[begin:end] for _, begin, end in elements(text, skip_space(text, 0))]
        if len(found) != len(calls):
            raise JsonError(f"the upstream gave {len(found)} answers to {len(calls)} requests")
        return list(found)

    def whole_error(self, body: bytes) -> bool:
        """Whether it is one answer about an array as a whole."""
        try:
            value = whole(text_of(body))
        except JsonError:
            return False
        return isinstance(value, dict) and "errors" in value


def failed(detail: str, status: int) -> str:
    """An answer that says what went wrong (GraphQL §7.1.2)."""
    return f'{{"errors":[{{"message":{json.dumps(detail)},"extensions":{{"status":{status}}}}}]}}'


def only_asks(document: str) -> bool:
    """Whether a document holds queries and fragments and nothing else. In doubt it does not."""
    depth, begins, definitions = 0, True, 0
    for found in _TOKEN.finditer(document):
        token = found.group()
        if token.isspace() or token == "," or token[0] == "#" or (token[0] == '"' and len(token) > 1):
            continue
        if token == '"':
            return False  # a text that does not end
        if depth == 0 and begins:
            if token not in ("{", "query", "fragment"):
                return False
            begins = False
            definitions += 1
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth -= 1
            begins = depth == 0 and token == "}"
        if depth < 0:
            return False
    return depth == 0 and begins and definitions > 0
