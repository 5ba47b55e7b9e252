import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.batch.common.json_text import JsonError
from plugins.batch.merge.split import Split, id_text, split, why_unusable
from tests.support.plugins import FieldsLike, make_response

JSON = {"Content-Type": "application/json"}


def taken(body: str, *wanted: str, items: tuple[str, ...] = (), by: tuple[str, ...] = ("id",)) -> Split:
    return split(body.encode(), items, by, set(wanted))


def test_elements_are_found_by_their_id_in_any_order_octet_for_octet() -> None:
    got = taken(
        '{"data": [{"id":2, "price":1.10} , {"price":12345678901234567890.0,"id":"1"}]}', "1", "2", items=("data",)
    )
    assert got.found == {"1": b'{"price":12345678901234567890.0,"id":"1"}', "2": b'{"id":2, "price":1.10}'}
    assert (got.unsure, got.has_strangers) == (set(), False)


def test_an_id_may_lie_deeper_and_be_a_very_large_number() -> None:
    got = taken('[{"a":{"b":123456789012345678901}}]', "123456789012345678901", by=("a", "b"))
    assert list(got.found) == ["123456789012345678901"]


def test_an_object_is_ids_and_what_belongs_to_them() -> None:
    got = taken('{"1": {"n":1}, "2": null, "3": 5}', "1", "2", "3")
    assert got.found == {"1": b'{"n":1}', "3": b"5"}


def test_nulls_are_nobody() -> None:
    got = taken('[null, {"id": 1}, null]', "1", "2")
    assert (list(got.found), got.has_strangers) == (["1"], False)


@pytest.mark.parametrize("element", ['{"id": 9}', '{"x": 1}', '{"id": true}', '{"id": 1.0}', '{"id": null}', "5", "[]"])
def test_an_element_nobody_asked_for_is_a_stranger(element: str) -> None:
    got = taken(f'[{{"id": 1}}, {element}]', "1", "2")
    assert (list(got.found), got.has_strangers) == (["1"], True)


def test_two_elements_with_one_id_are_nobodys_unless_they_are_equal() -> None:
    got = taken('[{"id":1,"n":1},{"id":"1","n":2},{"id":2},{"id":2},{"id":1,"n":1}]', "1", "2")
    assert (got.found, got.unsure) == ({"2": b'{"id":2}'}, {"1"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"nonsense",
        b'{"data": 5}',
        b'{"other": []}',
        b'{"data": []} x',
        b"\xff",
        b"[" * 99_999,
        b'{"data":[NaN]}',
    ],
)
def test_what_cannot_be_taken_apart_is_refused(body: bytes) -> None:
    with pytest.raises(JsonError):
        split(body, ("data",), ("id",), {"1"})


@given(st.binary(max_size=60), st.sampled_from([(), ("data",), ("0",)]))
def test_any_octets_are_taken_apart_or_refused(body: bytes, items: tuple[str, ...]) -> None:
    try:
        got = split(body, items, ("id",), {"1"})
    except JsonError:
        return
    assert got.found.keys() <= {"1"}


@given(st.lists(st.integers(0, 30), unique=True), st.sets(st.integers(0, 30)), st.randoms())
def test_nobody_gets_what_belongs_to_another(held: list[int], wanted: set[int], chance: object) -> None:
    body = json.dumps([{"id": number if number % 2 else str(number), "secret": number} for number in held])
    got = taken(body, *map(str, wanted))
    assert {name: json.loads(octets)["secret"] for name, octets in got.found.items()} == {
        str(number): number for number in held if number in wanted
    }
    assert got.has_strangers is bool(set(held) - wanted)


@pytest.mark.parametrize(
    ("status", "fields", "why"),
    [
        (200, JSON, None),
        (200, {"Content-Type": "application/hal+json", "Content-Encoding": "identity"}, None),
        (206, JSON, "status 206"),
        (500, JSON, "status 500"),
        (200, {}, "not JSON"),
        (200, {"Content-Type": "text/html"}, "not JSON"),
        (200, {**JSON, "Content-Encoding": "gzip"}, "coded"),
    ],
)
def test_which_answers_can_be_used(status: int, fields: FieldsLike, why: str | None) -> None:
    said = why_unusable(make_response(status, fields))
    assert said is why if why is None else why in (said or "")


@pytest.mark.parametrize(
    ("value", "text"), [(7, "7"), ("7", "7"), ("", ""), (7.0, None), (True, None), (None, None), ([], None)]
)
def test_what_an_id_is(value: object, text: str | None) -> None:
    assert id_text(value) == text
