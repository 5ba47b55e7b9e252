from typing import Any

import pytest

from gateway.supervisor.connections import list_of, read_close, read_list
from gateway.supervisor.question import QuestionError
from gateway.supervisor.told import Told


def test_a_list_is_about_everything_unless_asked_otherwise() -> None:
    assert read_list([]) == {"order": "age", "most": 100}
    asked = read_list([("route", "live"), ("order", "queue"), ("most", "5")])
    assert asked == {"route": "live", "order": "queue", "most": 5}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ([("order", "name")], "order is one of"),
        ([("most", "0")], "most is a number"),
        ([("most", "1001")], "most is a number"),
        ([("most", "x")], "most is a number"),
        ([("most", "9" * 5000)], "most is a number"),
        ([("route", "a"), ("route", "b")], "given twice"),
        ([("client", "a")], "unknown: client"),
    ],
)
def test_what_is_no_list_is_refused(query: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(QuestionError, match=says):
        read_list(query)


def test_a_close_names_a_connection_and_may_say_why() -> None:
    assert read_close({"id": "1f-1"}) == {"id": "1f-1"}
    assert read_close({"id": "1f-1", "code": 4000, "reason": "éh"}) == {"id": "1f-1", "code": 4000, "reason": "éh"}
    assert read_close({"id": "1f-1", "reason": "\ud800"})["reason"] == "?"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "a JSON object"),
        ({}, "id is the id"),
        ({"id": ""}, "id is the id"),
        ({"id": 5}, "id is the id"),
        ({"id": "a", "code": "1000"}, "code is a close code"),
        ({"id": "a", "code": True}, "code is a close code"),
        ({"id": "a", "code": 999}, "code is a close code"),
        ({"id": "a", "reason": 1}, "reason is a text"),
        ({"id": "a", "reason": "é" * 62}, "reason is a text"),
        ({"id": "a", "why": "x"}, "unknown: why"),
    ],
)
def test_what_is_no_close_is_refused(document: Any, says: str) -> None:
    with pytest.raises(QuestionError, match=says):
        read_close(document)


def row(name: str, age: float, octets: int | None = None) -> dict[str, Any]:
    queue = {} if octets is None else {"queue": {"down": {"octets": octets}, "up": {"octets": 0}}}
    return {"id": name, "age": age, **queue}


def test_the_lists_of_all_workers_are_one_in_order() -> None:
    told = [
        Told.of("0", 10, {"count": 2, "connections": [row("a", 5.0, 10), row("b", 1.0, 500)]}),
        Told.of("1", 11, {"count": 1, "connections": [row("c", 3.0)]}),
        Told.of("2", 12, TimeoutError("no answer")),
    ]
    page = list_of({"order": "age", "most": 2}, told)
    assert page["count"] == 3
    assert [(each["worker"], each["id"]) for each in page["connections"]] == [("0", "a"), ("1", "c")]
    assert page["workers"][2] == {"worker": "2", "pid": 12, "error": "no answer"}
    page = list_of({"order": "queue", "most": 9}, told)
    assert [each["id"] for each in page["connections"]] == ["b", "a", "c"]
