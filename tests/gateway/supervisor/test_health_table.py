from typing import Any

from gateway.config import HealthSettings, UpstreamSettings
from gateway.supervisor.health_table import Table
from gateway.upstream.endpoint import Endpoint, listed_in

A, B, R = "http://a", "http://b", "http://r"
SOURCE = "dns+http://app.internal:80"
RULES = HealthSettings(path="/healthz", fall=1, rise=1)


def settings(*urls: str, **more: Any) -> UpstreamSettings:
    return UpstreamSettings.model_validate({"servers": list(urls), **more})


def at(number: int) -> Endpoint:
    return Endpoint(f"http://10.0.0.{number}:80", 1, "app.internal", f"10.0.0.{number}", 80)


def states(table: Table) -> dict[str, str]:
    return {each["url"]: each["state"] for each in table.status()["servers"]}


def fail(table: Table, url: str) -> None:
    entry = table.entry(url)
    assert entry is not None
    entry.standing.judge.hear(False, "status 500", RULES)


def test_servers_and_replicas_are_there_in_their_order() -> None:
    table = Table("app", settings(A, B, replicas=[R]))
    assert [(entry.team, entry.endpoint.url) for entry in table.entries()] == [
        ("servers", A),
        ("servers", B),
        ("replicas", R),
    ]


def test_what_a_source_named_takes_its_place() -> None:
    table = Table("app", settings(A, SOURCE))
    assert table.found(SOURCE, [at(1), at(2)])
    assert [entry.endpoint.url for entry in table.entries()] == [A, at(1).url, at(2).url]
    assert not table.found(SOURCE, [at(1), at(2)])
    assert table.found(SOURCE, [at(2)])


def test_a_server_that_two_sources_name_is_one() -> None:
    table = Table("app", settings(SOURCE, "dns+http://other:80"))
    table.found(SOURCE, [at(1)])
    table.found("dns+http://other:80", [at(1), at(2)])
    assert [entry.endpoint.url for entry in table.entries()] == [at(1).url, at(2).url]


def test_states_are_told_in_words() -> None:
    table = Table("app", settings(A, B, replicas=[R], health="/healthz", lag={"header": "X-Lag", "most": "1s"}))
    fail(table, A)
    for entry in table.entries():
        entry.standing.is_draining = entry.endpoint.url == B
        entry.standing.lag = 5.0
    assert states(table) == {A: "unhealthy", B: "draining", R: "lagging"}
    assert states(Table("app", settings(A))) == {A: "unchecked"}


def test_only_replicas_lag() -> None:
    table = Table("app", settings(A, replicas=[R], health="/healthz", lag={"header": "X-Lag", "most": "1s"}))
    for entry in table.entries():
        entry.standing.lag = 5.0
    assert [table.is_lagging(entry) for entry in table.entries()] == [False, True]


def test_workers_are_told_how_everybody_stands() -> None:
    table = Table("app", settings(A, replicas=[R], health="/healthz"))
    fail(table, A)
    told = table.message()
    assert (told["name"], told["listed"]) == ("app", listed_in(table.settings))
    (server,), (replica,) = told["servers"], told["replicas"]
    assert Endpoint.from_message(server) == Endpoint(A, 1, "a", "a", 80, "a", is_healthy=False)
    assert Endpoint.from_message(replica).is_healthy


def test_without_checks_nobody_is_unhealthy() -> None:
    before = Table("app", settings(A, health="/healthz"))
    fail(before, A)
    assert not before.message()["servers"][0]["is_healthy"]
    assert Table("app", settings(A), before).message()["servers"][0]["is_healthy"]


def test_servers_that_stay_keep_their_standing_when_the_settings_change() -> None:
    before = Table("app", settings(A, B, SOURCE, health="/healthz"))
    before.found(SOURCE, [at(1)])
    fail(before, B)
    after = Table("app", settings(B, SOURCE, health="/up"), before)
    assert states(after) == {B: "unhealthy", at(1).url: "healthy"}


def test_strangers_are_forgotten_unless_they_are_drained() -> None:
    table = Table("app", settings(SOURCE, health="/healthz"))
    table.found(SOURCE, [at(1), at(2)])
    for entry in table.entries():
        entry.standing.is_draining = entry.endpoint == at(1)
    fail(table, at(2).url)
    table.found(SOURCE, [])
    table.forget_strangers()
    table.found(SOURCE, [at(1), at(2)])
    assert states(table) == {at(1).url: "draining", at(2).url: "healthy"}


def test_a_source_that_could_not_be_asked_is_shown() -> None:
    table = Table("app", settings(A, SOURCE))
    table.errors[SOURCE] = "app.internal cannot be resolved"
    assert table.status()["sources"] == {SOURCE: "app.internal cannot be resolved"}
    table.found(SOURCE, [])
    assert table.status()["sources"] == {SOURCE: "ok"}
