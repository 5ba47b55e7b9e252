"""Lists of what workers have stored: the question an administrator asks, and the workers' pages laid together. No I/O.

Each worker has a memory of its own. The same response may be stored in several, and is then listed once for each."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.supervisor.question import QuestionError
from gateway.supervisor.told import Told

MOST_ROWS = 500
"""Rows of one worker on one page."""
USUAL_ROWS = 50

_NAMED = ("url", "prefix", "tag", "route")
_ORDERS = {
    "key": "key",
    "stored_at": "stored_at",
    "last_used": "last_used",
    "uses": "uses",
    "size": "octets",
    "origin_seconds": "origin_seconds",
}
"""What a list may be ordered by, and the member of a row that says it."""
_TRUTHS = {"true": True, "false": False}


def read_search(query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The search that the parameters of a query ask for. Raises QuestionError."""
    given = dict(query)
    if len(given) != len(query):
        raise QuestionError("a parameter is given twice")
    search: dict[str, Any] = {"order": "last_used", "descending": True, "offset": 0, "most": USUAL_ROWS}
    for name, text in given.items():
        search[name] = _read(name, text)
    if sum(name in search for name in _NAMED) > 1:
        raise QuestionError(f"a list is about one of {', '.join(_NAMED)}, or about everything")
    return search


def _read(name: str, text: str) -> str | int | bool:
    match name:
        case "offset":
            return _number(name, text, 0, 1_000_000)
        case "most":
            return _number(name, text, 1, MOST_ROWS)
        case "status":
            return _number(name, text, 100, 999)
        case "order" if text not in _ORDERS:
            raise QuestionError(f"order is one of {', '.join(_ORDERS)}")
        case "descending" if text not in _TRUTHS:
            raise QuestionError("descending is true or false")
        case "descending":
            return _TRUTHS[text]
        case "text" | "order" | "url" | "prefix" | "tag" | "route":
            return text
    raise QuestionError(
        f"unknown: {name}; there are {', '.join(_NAMED)}, text, status, order, descending, offset, most"
    )


def _number(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise QuestionError(f"{name} is a number from {least} to {most}")
    return int(text)


def page_of(search: Mapping[str, Any], told: Sequence[Told]) -> dict[str, Any]:
    """The page: the rows that each worker has from `offset` on, `most` of each, in one order and each with its worker.

    `next_offset` is where the next page begins, `None` on the last one."""
    rows = [{"worker": each.worker, **row} for each in told for row in each.answer.get("entries", ())]
    member = _ORDERS[search["order"]]
    rows.sort(key=lambda row: row[member], reverse=search["descending"])
    end = search["offset"] + search["most"]
    workers = [{name: value for name, value in each.to_json().items() if name != "entries"} for each in told]
    return {
        "note": "each worker has a memory of its own: what several have stored is listed once for each",
        "search": dict(search),
        "count": sum(worker.get("count", 0) for worker in workers),
        "octets": sum(worker.get("octets", 0) for worker in workers),
        "next_offset": end if any(worker.get("count", 0) > end for worker in workers) else None,
        "workers": workers,
        "entries": rows,
    }
