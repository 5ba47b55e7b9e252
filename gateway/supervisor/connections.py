"""Upgraded connections as an administrator sees them: lists over all workers, and the end of one. Read, checked, laid
together; no I/O."""

from collections.abc import Sequence
from typing import Any

from gateway.supervisor.question import QuestionError
from gateway.supervisor.told import Told

MOST_ROWS = 1000
USUAL_ROWS = 100
_ORDERS = ("age", "queue")
_MOST_REASON = 123
"""Octets of a reason that a Close frame carries (RFC 6455 §5.5)."""


def read_list(query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The list that the parameters of a query ask for: `route`, `order`, `most`. Raises QuestionError."""
    given = dict(query)
    if len(given) != len(query):
        raise QuestionError("a parameter is given twice")
    unknown = sorted(given.keys() - {"route", "order", "most"})
    if unknown:
        raise QuestionError(f"unknown: {', '.join(unknown)}; there are route, order and most")
    order, most = given.get("order", "age"), given.get("most", str(USUAL_ROWS))
    if order not in _ORDERS:
        raise QuestionError(f"order is one of {', '.join(_ORDERS)}")
    if not (most.isascii() and most.isdigit() and 1 <= int(most[:9]) <= MOST_ROWS):
        raise QuestionError(f"most is a number from 1 to {MOST_ROWS}")
    asked: dict[str, Any] = {"order": order, "most": int(most)}
    if "route" in given:
        asked["route"] = given["route"]
    return asked


def read_close(document: Any) -> dict[str, Any]:
    """The connection that a JSON document wants closed: `id`, and perhaps `code` and `reason`. Raises QuestionError."""
    if not isinstance(document, dict):
        raise QuestionError('a close is a JSON object, such as {"id": "1f3a-7"}')
    unknown = sorted(document.keys() - {"id", "code", "reason"})
    if unknown:
        raise QuestionError(f"unknown: {', '.join(map(str, unknown))}; there are id, code and reason")
    name = document.get("id")
    if not isinstance(name, str) or not name:
        raise QuestionError("id is the id of a connection, as the list has it")
    asked: dict[str, Any] = {"id": name}
    if "code" in document:
        code = document["code"]
        if not isinstance(code, int) or isinstance(code, bool) or not 1000 <= code <= 4999:
            raise QuestionError("code is a close code, a number from 1000 to 4999 (RFC 6455 §7.4)")
        asked["code"] = code
    if "reason" in document:
        reason = document["reason"]
        if not isinstance(reason, str) or len(reason.encode("utf-8", "replace")) > _MOST_REASON:
            raise QuestionError(f"reason is a text of at most {_MOST_REASON} octets")
        asked["reason"] = reason.encode("utf-8", "replace").decode()
    return asked


def list_of(asked: dict[str, Any], told: Sequence[Told]) -> dict[str, Any]:
    """The connections of all workers in one order, `most` of them, each with its worker."""
    rows = [{"worker": each.worker, **row} for each in told for row in each.answer.get("connections", ())]
    if asked["order"] == "queue":
        rows.sort(key=_waiting, reverse=True)
    else:
        rows.sort(key=lambda row: row["age"], reverse=True)
    workers = [{name: value for name, value in each.to_json().items() if name != "connections"} for each in told]
    count = sum(worker.get("count", 0) for worker in workers)
    return {"count": count, "workers": workers, "connections": rows[: asked["most"]]}


def _waiting(row: dict[str, Any]) -> int:
    return sum(way["octets"] for way in row.get("queue", {}).values())
