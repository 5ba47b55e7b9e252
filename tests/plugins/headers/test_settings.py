from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.load import load_text
from gateway.config.mistakes import ConfigError
from plugins.headers.settings import HeadersSettings


def mistakes(**settings: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        HeadersSettings.model_validate(settings)
    return str(refused.value)


def test_nothing_said_changes_nothing() -> None:
    settings = HeadersSettings.model_validate({})
    assert (list(settings.request.texts()), settings.response, settings.request_id) == ([], (), None)


@pytest.mark.parametrize(
    "name", ["Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "TE", "Upgrade", "Expect"]
)
@pytest.mark.parametrize("group", ["set", "add", "default"])
def test_fields_of_the_connection_are_refused(name: str, group: str) -> None:
    assert f"{name} belongs to one connection" in mistakes(request={group: {name: "x"}})
    assert f"{name} belongs to one connection" in mistakes(response={group: {name: "x"}})
    assert f"{name} belongs to one connection" in mistakes(request={"remove": [name]})


def test_the_host_is_for_the_upstreams_settings() -> None:
    assert "Host cannot be changed here" in mistakes(request={"set": {"Host": "other.example"}})
    assert "HOST cannot be changed here" in mistakes(request={"remove": ["HOST"]})


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY", "B\u00fccher"])
def test_what_is_no_name_is_refused(name: str) -> None:
    assert "must be the name of a field" in mistakes(request={"set": {name: "x"}})


@pytest.mark.parametrize("pattern", ["*", "X-*-Y*", "X *", "**"])
def test_a_star_stands_only_at_the_end_of_a_beginning(pattern: str) -> None:
    assert "its beginning and one star" in mistakes(request={"remove": [pattern]})


@pytest.mark.parametrize(("pattern", "victim"), [("H*", "Host"), ("hos*", "Host"), ("Exp*", "Expect")])
def test_a_beginning_that_would_take_a_needed_field_along_is_refused(pattern: str, victim: str) -> None:
    assert f"would remove {victim}" in mistakes(request={"remove": [pattern]})


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("{nobody}", "unknown placeholder {nobody}"),
        ("{}", "unknown placeholder {}"),
        ("{client", "a brace that belongs to no placeholder"),
        ("client}", "a brace that belongs to no placeholder"),
        ("a\r\nSet-Cookie: b", "control character"),
    ],
)
def test_a_value_that_cannot_be_one_is_refused(value: str, complaint: str) -> None:
    for settings in (
        {"request": {"set": {"X": value}}},
        {"response": [{"add": {"X": ["fine", value]}}]},
        {"response": {"default": {"X": value}}},
    ):
        assert complaint in mistakes(**settings)


def test_the_id_must_exist_to_be_used() -> None:
    assert "there is none" in mistakes(request={"set": {"X-Trace": "{request_id}"}})
    HeadersSettings.model_validate({"request": {"set": {"X-Trace": "{request_id}"}}, "request_id": {}})


def test_a_request_has_no_status() -> None:
    assert "{status}" in mistakes(request={"add": {"X": ["a", "{status}"]}})
    HeadersSettings.model_validate({"response": {"set": {"X": "{status}"}}})


def test_one_field_is_named_once_in_any_case() -> None:
    assert "the same field as X-A" in mistakes(request={"set": {"X-A": "1", "x-a": "2"}})


def test_responses_may_be_one_set_of_changes_or_a_list() -> None:
    one = HeadersSettings.model_validate({"response": {"remove": ["Server"]}})
    several = HeadersSettings.model_validate({"response": [{"remove": ["Server"]}]})
    assert one == several


@pytest.mark.parametrize(
    ("status", "meant"), [(404, ("404",)), ("5xx", ("5xx",)), (["4xx", 503], ("4xx", "503")), ("404", ("404",))]
)
def test_a_status_is_a_number_or_a_class(status: Any, meant: tuple[str, ...]) -> None:
    settings = HeadersSettings.model_validate({"response": {"status": status, "remove": ["Server"]}})
    assert settings.response[0].status == meant


@pytest.mark.parametrize("status", ["6xx", 99, 600, "5XX", "ok", True, None, [[404]]])
def test_what_is_no_status_is_refused(status: Any) -> None:
    assert "must be a status" in mistakes(response={"status": status})


def test_every_mistake_is_found_at_its_place_also_where_a_list_of_one_is_written_without_brackets() -> None:
    text = """\
upstreams: {app: {servers: ["http://127.0.0.1:8000"]}}
plugins:
  - headers:
      response:
        status: 6xx
        add: {X-A: "{oops"}
        sett: {}
"""
    with pytest.raises(ConfigError) as refused:
        load_text(text, lambda name: HeadersSettings, environ={})
    assert [(mistake.line, mistake.column, mistake.path) for mistake in refused.value.mistakes] == [
        (5, 17, "plugins.headers.response.status"),
        (6, 20, "plugins.headers.response.add.X-A"),
        (7, 9, "plugins.headers.response.sett"),
    ]


def test_settings_survive_their_way_to_a_worker() -> None:
    settings = HeadersSettings.model_validate(
        {
            "request": {"add": {"X-A": "one"}, "remove": ["X-Internal-*"]},
            "response": {"status": 404, "set": {"X-Route": "{route}"}},
            "request_id": {},
        }
    )
    assert HeadersSettings.model_validate(settings.model_dump(mode="json")) == settings
