from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.supervisor.client import AdminAnswer, AdminClient, AdminError
from tests.gateway.sweeping.test_report import run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the gateway was asked, in place of a real one. Every sweep is done at once."""
    found: list[tuple[str, Any]] = []

    async def post(self: AdminClient, path: str, document: dict[str, Any]) -> AdminAnswer:
        found.append((path, document))
        return AdminAnswer(202 if path == "/api/sweeps" else 200, run())

    async def get(self: AdminClient, path: str, parameters: Any = ()) -> AdminAnswer:
        found.append((path, None))
        return AdminAnswer(200, {"runs": [run()], "configured": []} if path == "/api/sweeps" else run())

    monkeypatch.setattr(AdminClient, "post", post)
    monkeypatch.setattr(AdminClient, "get", get)
    return found


def sweep(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sweep", *arguments])


def test_what_is_said_becomes_an_order(asked: list[tuple[str, Any]]) -> None:
    what = ("--route", "/shop", "--tag", "a", "--tag", "b", "--prefix", "http://a/", "--within", "1h", "--most", "9")
    how = ("--order", "age", "--rate", "5", "--concurrency", "2", "--batch", "3", "--priority", "4", "--fetch")
    result = sweep(*what, *how, "--time-limit", "2h", "--patience", "1m")
    assert result.exit_code == 0, result.output
    assert asked == [
        (
            "/api/sweeps",
            {
                "routes": ["/shop"],
                "tags": ["a", "b"],
                "prefixes": ["http://a/"],
                "within": "1h",
                "most": 9,
                "fetch": True,
                "order": "age",
                "rate": 5.0,
                "concurrency": 2,
                "batch": 3,
                "priority": 4,
                "time_limit": "2h",
                "patience": "1m",
            },
        )
    ]


def test_a_sweep_of_the_configuration_goes_by_its_name(asked: list[tuple[str, Any]]) -> None:
    assert sweep("nightly", "--no-fetch", "--detach").exit_code == 0
    assert asked == [("/api/sweeps", {"name": "nightly", "fetch": False})]


def test_everything_has_to_be_said(asked: list[tuple[str, Any]]) -> None:
    assert sweep("--all").exit_code == 0
    assert asked == [("/api/sweeps", {})]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["--list"], "/api/sweeps"),
        (["--follow", "7"], "/api/sweeps/7"),
        (["--report", "7"], "/api/sweeps/7"),
        (["--pause", "7"], "/api/sweeps/7/pause"),
        (["--resume", "7"], "/api/sweeps/7/resume"),
        (["--cancel", "7"], "/api/sweeps/7/cancel"),
    ],
)
def test_sweeps_are_shown_and_steered(asked: list[tuple[str, Any]], arguments: list[str], path: str) -> None:
    result = sweep(*arguments)
    assert (result.exit_code, asked[0][0]) == (0, path)
    assert "3 of 3 answers" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--all", "--tag", "a"],
        ["nightly", "--list"],
        ["--pause", "1", "--resume", "1"],
        ["--rate", "5"],
        ["--pause", "1", "--rate", "5"],
        ["--follow", "1", "--detach"],
        ["--all", "--rate", "fast"],
    ],
)
def test_a_wrong_command_asks_nobody(asked: list[tuple[str, Any]], arguments: list[str]) -> None:
    assert sweep(*arguments).exit_code == 2
    assert asked == []


def test_a_gateway_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def get(*_: Any) -> AdminAnswer:
        raise AdminError("no gateway answers")

    monkeypatch.setattr(AdminClient, "get", get)
    result = sweep("--list")
    assert (result.exit_code, result.stderr) == (1, "no gateway answers\n")
