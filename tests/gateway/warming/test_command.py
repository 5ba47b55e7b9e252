from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.supervisor.client import AdminAnswer, AdminClient, AdminError

DONE: dict[str, Any] = {
    "id": "1a",
    "state": "done",
    "why": "",
    "cursor": "1-x",
    "position": 1,
    "left_out": 0,
    "total": 1,
    "done": 1,
    "already_done": 0,
    "stored": 1,
    "hit": 0,
    "not_stored": 0,
    "failed": 0,
    "skipped": 0,
    "reasons": {},
    "requests": 1,
    "retried": 0,
    "octets": 10,
    "origin_seconds": 0.1,
    "seconds": 0.5,
    "rate": 2.0,
    "left_seconds": None,
    "failures": [],
    "sources": [],
    "upstreams": {},
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the gateway was asked, in place of a real one. Every run is done at once."""
    found: list[tuple[str, Any]] = []

    async def post(self: AdminClient, path: str, document: dict[str, Any]) -> AdminAnswer:
        found.append((path, document))
        return AdminAnswer(202, dict(DONE))

    async def get(self: AdminClient, path: str, parameters: Any = ()) -> AdminAnswer:
        found.append((path, None))
        return AdminAnswer(200, {"runs": [DONE]} if path == "/api/warm" else dict(DONE))

    monkeypatch.setattr(AdminClient, "post", post)
    monkeypatch.setattr(AdminClient, "get", get)
    return found


def warm(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["warm", *arguments], input=given)


def test_urls_become_an_order(asked: list[tuple[str, Any]]) -> None:
    result = warm("http://a/1", "http://a/2", "--rate", "5", "--concurrency", "2", "-H", "Accept: text/html")
    assert result.exit_code == 0, result.output
    order = {"sources": [{"urls": ["http://a/1", "http://a/2"]}], "rate": 5.0, "concurrency": 2}
    assert asked == [("/api/warm", order | {"fields": {"Accept": "text/html"}})]
    assert "done: 1 of 1 URLs; 1 stored" in result.output


def test_every_kind_of_source_may_be_named(asked: list[tuple[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "log").write_text('{"method": "GET", "scheme": "http", "host": "a", "target": "/log", "status": 200}\n')
    result = warm(
        *("--urls", "-", "--sitemap", "http://a/s1", "--sitemap", "http://a/s2", "--own-log", "--top", "5"),
        *(
            "--access-log",
            str(tmp_path / "log"),
            "--entries",
            "127.0.0.1:9",
            "--entries-token",
            "secret",
            "--rate",
            "off",
        ),
        given="http://a/in\n",
    )
    assert result.exit_code == 0, result.output
    ((_, order),) = asked
    assert order["sources"] == [
        {"urls": ["http://a/in"]},
        {"sitemap": "http://a/s1"},
        {"sitemap": "http://a/s2"},
        {"urls": ["http://a/log"]},
        {"access_log": True, "top": 5},
        {"entries": "127.0.0.1:9", "top": 5, "token": "secret"},
    ]
    assert order["rate"] == "off"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["--list"], "/api/warm"),
        (["--follow", "1a"], "/api/warm/1a"),
        (["--cancel", "1a"], "/api/warm/1a/cancel"),
        (["--resume", "1a"], "/api/warm/1a/resume"),
    ],
)
def test_runs_are_shown_and_steered(asked: list[tuple[str, Any]], arguments: list[str], path: str) -> None:
    result = warm(*arguments)
    assert (result.exit_code, asked[0][0]) == (0, path)
    assert "1 of 1 URLs" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["http://a/", "--list"],
        ["--cancel", "1a", "--resume", "1a"],
        ["http://a/", "--rate", "fast"],
        ["http://a/", "-H", "nonsense"],
        ["--access-log", "/nowhere/at/all"],
    ],
)
def test_a_wrong_command_asks_nobody(asked: list[tuple[str, Any]], arguments: list[str]) -> None:
    assert warm(*arguments).exit_code == 2
    assert asked == []


@pytest.mark.parametrize("arguments", [["--urls", "/nowhere/at/all"], ["--urls", "-"]])
def test_a_list_that_cannot_be_read_or_is_empty_is_a_mistake(
    asked: list[tuple[str, Any]], arguments: list[str]
) -> None:
    assert warm(*arguments, given="# nothing\n").exit_code == 1
    assert asked == []


def test_a_gateway_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def post(*_: Any) -> AdminAnswer:
        raise AdminError("no gateway answers")

    monkeypatch.setattr(AdminClient, "post", post)
    result = warm("http://a/")
    assert (result.exit_code, result.stderr) == (1, "no gateway answers\n")
