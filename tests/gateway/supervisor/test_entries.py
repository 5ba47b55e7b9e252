from typing import Any

import pytest

from gateway.supervisor.entries import page_of, read_search
from gateway.supervisor.question import QuestionError
from gateway.supervisor.told import Told
from gateway.worker.control import CallRefusedError


def test_without_parameters_the_latest_used_come_first() -> None:
    assert read_search([]) == {"order": "last_used", "descending": True, "offset": 0, "most": 50}


def test_parameters_narrow_the_list_down() -> None:
    query = {
        "tag": "shop",
        "text": "/p/",
        "status": "404",
        "order": "size",
        "descending": "false",
        "offset": "50",
        "most": "10",
    }
    assert read_search(list(query.items())) == {
        "tag": "shop",
        "text": "/p/",
        "status": 404,
        "order": "size",
        "descending": False,
        "offset": 50,
        "most": 10,
    }


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ([("sort", "size")], "unknown: sort"),
        ([("order", "colour")], "order is one of"),
        ([("descending", "1")], "descending is true or false"),
        ([("most", "0")], "most is a number from 1 to 500"),
        ([("most", "501")], "most"),
        ([("offset", "-1")], "offset"),
        ([("offset", "١")], "offset"),
        ([("status", "ok")], "status"),
        ([("tag", "a"), ("route", "b")], "one of"),
        ([("tag", "a"), ("tag", "b")], "twice"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused_with_words(query: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(QuestionError, match=words):
        read_search(query)


def row(key: str, octets: int = 1, uses: int = 0) -> dict[str, Any]:
    return {"key": key, "octets": octets, "uses": uses}


def told(worker: str, count: int, *rows: dict[str, Any]) -> Told:
    return Told.of(worker, int(worker) + 10, {"count": count, "octets": count * 100, "entries": list(rows)})


def search(**parameters: str) -> dict[str, Any]:
    return read_search(list(parameters.items()))


def test_rows_of_all_workers_are_in_one_order_and_name_their_worker() -> None:
    page = page_of(
        search(order="size"), [told("0", 2, row("a", 9), row("b", 3)), told("1", 2, row("c", 7), row("a", 1))]
    )
    assert [(entry["worker"], entry["key"]) for entry in page["entries"]] == [
        ("0", "a"),
        ("1", "c"),
        ("0", "b"),
        ("1", "a"),
    ]
    assert (page["count"], page["octets"]) == (4, 400)


def test_an_ascending_list_begins_with_the_least() -> None:
    page = page_of(search(order="uses", descending="false"), [told("0", 2, row("a", uses=5), row("b", uses=2))])
    assert [entry["key"] for entry in page["entries"]] == ["b", "a"]


def test_a_page_says_where_the_next_one_begins_as_long_as_any_worker_has_more() -> None:
    rows = [row("a"), row("b")]
    assert page_of(search(most="2", order="key"), [told("0", 3, *rows), told("1", 2, *rows)])["next_offset"] == 2
    assert page_of(search(most="2", order="key"), [told("0", 2, *rows), told("1", 2, *rows)])["next_offset"] is None
    assert page_of(search(most="2", offset="2", order="key"), [told("0", 5, *rows)])["next_offset"] == 4


def test_a_worker_that_did_not_answer_is_named() -> None:
    page = page_of(search(order="key"), [told("0", 1, row("a")), Told.of("1", 11, CallRefusedError("busy"))])
    assert page["workers"] == [
        {"worker": "0", "pid": 10, "count": 1, "octets": 100},
        {"worker": "1", "pid": 11, "error": "busy"},
    ]
    assert page["count"] == 1


def test_the_page_says_that_each_worker_has_its_own_memory() -> None:
    assert "each worker has a memory of its own" in page_of(search(), [])["note"]
