import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from gateway import following
from gateway.answers import Standing
from gateway.following import Follower
from gateway.supervisor.client import AdminAnswer, AdminError
from tests.gateway.warming.test_watching import FakeClient


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.0)


def standing(document: Mapping[str, Any]) -> Standing:
    done = document["done"]
    return Standing("at it", done, 10, f"{done} of 10", document.get("lately", ""), float(done), done == 10)


def follower(*answers: Any, as_json: bool = False) -> tuple[Follower, FakeClient]:
    client = FakeClient(*answers)
    return Follower(client, standing, as_json=as_json), client  # type: ignore[arg-type]  # it answers as the real one


def test_it_asks_until_it_is_over_and_tells_of_every_answer() -> None:
    follows, client = follower({"done": 5}, {"done": 10})
    noted: list[Mapping[str, Any]] = []
    assert asyncio.run(follows.until_over("/api/x", {"done": 0}, noted.append)) == {"done": 10}
    assert noted == [{"done": 0}, {"done": 5}, {"done": 10}]
    assert client.asked == [("/api/x", None), ("/api/x", None)]


def test_what_is_over_needs_no_question() -> None:
    follows, client = follower()
    asyncio.run(follows.until_over("/api/x", {"done": 10}))
    assert client.asked == []


def test_a_refusal_on_the_way_is_an_error() -> None:
    follows, _ = follower(AdminAnswer(404, {"detail": "it is forgotten"}))
    with pytest.raises(AdminError, match="it is forgotten"):
        asyncio.run(follows.until_over("/api/x", {"done": 0}))


def test_without_a_terminal_there_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    follows, _ = follower({"done": 1}, {"done": 6, "lately": "3/s"}, {"done": 10})
    asyncio.run(follows.until_over("/api/x", {"done": 0}))
    assert capsys.readouterr().out == "0 of 10\n6 of 10 (3/s)\n"


def test_for_programs_there_are_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    follows, _ = follower({"done": 10}, as_json=True)
    asyncio.run(follows.until_over("/api/x", {"done": 0}))
    assert capsys.readouterr().out == ""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TTY_COMPATIBLE", "1"), ("COLUMNS", "120")):
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_there_is_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    follows, _ = follower({"done": 5}, {"done": 10, "lately": "3/s"})
    asyncio.run(follows.until_over("/api/x", {"done": 0}))
    shown = capsys.readouterr().out
    assert [each in shown for each in ("at it", "10/10", "3/s")] == [True, True, True]


@pytest.mark.usefixtures("terminal")
def test_for_programs_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    follows, _ = follower({"done": 10}, as_json=True)
    asyncio.run(follows.until_over("/api/x", {"done": 0}))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("answer", "is_well", "out", "err"),
    [
        (AdminAnswer(200, {"a": 1}), True, "1\n", ""),
        (AdminAnswer(409, {"detail": "another one runs"}), False, "", "another one runs\n"),
    ],
)
def test_an_answer_is_said_in_a_line(
    answer: AdminAnswer, is_well: bool, out: str, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    follows, _ = follower()
    assert follows.say(answer, lambda document: str(document["a"])) is is_well
    assert capsys.readouterr() == (out, err)


def test_for_programs_an_answer_is_said_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    follows, _ = follower(as_json=True)
    assert follows.say(AdminAnswer(409, {"detail": "no"}), str) is False
    assert capsys.readouterr().out == '{\n  "detail": "no"\n}\n'
