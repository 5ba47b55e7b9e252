from typing import Any

import pytest

from plugins.headers.changes import CompiledChanges, CompiledResponses
from plugins.headers.settings import HeadersSettings
from plugins.headers.template import Moment
from tests.support.plugins import fields_of, make_request, pairs

CONSTANTS = {"route": "api", "upstream": "app"}
BEFORE = [("Accept", "*/*"), ("X-Internal-User", "root"), ("X-Internal-Role", "admin"), ("X-Tag", "theirs")]


def changed(**changes: Any) -> list[tuple[str, str]]:
    settings = HeadersSettings.model_validate({"request": changes})
    fields = fields_of(BEFORE)
    CompiledChanges(settings.request, CONSTANTS).apply(fields, Moment(make_request()))
    return pairs(fields)


def test_set_replaces_what_the_message_said() -> None:
    assert changed(set={"x-tag": "ours"}) == [*BEFORE[:3], ("x-tag", "ours")]


def test_add_leaves_what_the_message_said() -> None:
    assert changed(add={"X-Tag": ["one", "two"]}) == [*BEFORE, ("X-Tag", "one"), ("X-Tag", "two")]


def test_default_gives_way_to_what_the_message_said() -> None:
    assert changed(default={"x-tag": "ours", "X-Tenant": "public"}) == [*BEFORE, ("X-Tenant", "public")]


def test_remove_takes_names_and_beginnings_of_names() -> None:
    assert changed(remove=["accept", "X-INTERNAL-*"]) == [("X-Tag", "theirs")]


def test_what_is_removed_can_be_set_in_the_same_breath() -> None:
    assert changed(remove=["X-*"], set={"X-Internal-User": "{client}"}, default={"X-Tag": "ours"}) == [
        ("Accept", "*/*"),
        ("X-Internal-User", "192.0.2.7"),
        ("X-Tag", "ours"),
    ]


def test_no_changes_are_false_and_any_is_true() -> None:
    nothing = HeadersSettings.model_validate({"request": {}}).request
    assert not CompiledChanges(nothing, CONSTANTS)
    for changes in (
        {"remove": ["A"]},
        {"remove": ["A*"]},
        {"set": {"A": ""}},
        {"add": {"A": ""}},
        {"default": {"A": ""}},
    ):
        assert CompiledChanges(HeadersSettings.model_validate({"request": changes}).request, CONSTANTS)


@pytest.mark.parametrize(("value", "constant"), [("x", True), ("{route}", True), ("{client}", False)])
def test_whether_a_value_depends_on_the_exchange_is_known(value: str, constant: bool) -> None:
    settings = HeadersSettings.model_validate({"request": {"add": {"A": value}}, "response": {"default": {"A": value}}})
    assert CompiledChanges(settings.request, CONSTANTS).is_constant is constant
    assert CompiledResponses(settings.response, CONSTANTS).is_constant is constant


@pytest.mark.parametrize(
    ("status", "applied"),
    [(200, ["all"]), (404, ["all", "404"]), (500, ["all", "5xx"]), (599, ["all", "5xx"]), (418, ["all"])],
)
def test_responses_are_changed_by_status(status: int, applied: list[str]) -> None:
    groups = [
        {"add": {"X-Rule": "all"}},
        {"status": 404, "add": {"X-Rule": "404"}},
        {"status": ["5xx", 204], "add": {"X-Rule": "5xx"}},
    ]
    compiled = CompiledResponses(HeadersSettings.model_validate({"response": groups}).response, CONSTANTS)
    fields = fields_of({})
    assert compiled.apply(fields, Moment(make_request(), status=status))
    assert [value for _, value in pairs(fields)] == applied


def test_a_status_that_no_rule_is_for_is_left_alone() -> None:
    groups = [{"status": 404, "set": {"X": "1"}}, {"status": "5xx"}]
    compiled = CompiledResponses(HeadersSettings.model_validate({"response": groups}).response, CONSTANTS)
    fields = fields_of({})
    assert not compiled.apply(fields, Moment(make_request(), status=200))
    assert pairs(fields) == []
