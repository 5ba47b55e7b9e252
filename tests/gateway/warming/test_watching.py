import json
from pathlib import Path
from typing import Any

import pytest

from gateway import following as module
from gateway.supervisor.client import AdminAnswer, AdminError
from gateway.warming.watching import Watching, ordered
from tests.gateway.warming.test_command import DONE


class FakeClient:
    """Answers one after the other."""

    def __init__(self, *answers: dict[str, Any] | AdminAnswer | BaseException) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Any]] = []

    async def get(self, path: str, parameters: Any = ()) -> AdminAnswer:
        return await self.post(path, None)

    async def post(self, path: str, document: Any) -> AdminAnswer:
        self.asked.append((path, document))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, AdminAnswer) else AdminAnswer(200, answer)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)


def run(**more: Any) -> dict[str, Any]:
    return {**DONE, "state": "running", "total": 4, **more}


def watching(*answers: Any, **options: Any) -> tuple[Watching, FakeClient]:
    client = FakeClient(*answers)
    return Watching(client, **options), client  # type: ignore[arg-type]  # it answers as the real one does


def test_a_run_is_watched_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    watched, client = watching(run(), run(done=2), {**DONE})
    assert watched.start({"sources": []}) == 0
    assert [path for path, _ in client.asked] == ["/api/warm", "/api/warm/1a", "/api/warm/1a"]
    assert "done: 1 of 1 URLs" in capsys.readouterr().out


@pytest.mark.parametrize("end", [{"failed": 1}, {"state": "cancelled"}, {"state": "failed", "why": "no source"}])
def test_a_run_that_did_not_do_everything_ends_with_one(end: dict[str, Any]) -> None:
    watched, _ = watching(run(), {**DONE, **end})
    assert watched.start({}) == 1


def test_a_refusal_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    watched, _ = watching(AdminAnswer(409, {"detail": "run 2b is under way"}))
    assert watched.start({}) == 1
    assert capsys.readouterr().err == "run 2b is under way\n"


def test_a_run_may_be_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    watched, client = watching(run())
    assert watched.start({}, detach=True) == 0
    assert (len(client.asked), capsys.readouterr().out[:2]) == (1, "1a")


def test_ctrl_c_stops_the_run_and_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    watched, client = watching(run(), KeyboardInterrupt(), run(state="cancelled"))
    assert watched.start({}) == 1
    assert client.asked[-1][0] == "/api/warm/1a/cancel"
    assert "slipstream warm --resume 1a" in capsys.readouterr().out


def test_programs_get_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    watched, _ = watching(run(), {**DONE}, as_json=True)
    assert watched.start({}) == 0
    assert json.loads(capsys.readouterr().out) == DONE


def test_how_far_it_came_is_noted_and_gone_on_from(tmp_path: Path) -> None:
    file = tmp_path / "cursor"
    watched, client = watching(run(cursor="2-ab"), AdminError("gone"), cursor=file)
    with pytest.raises(AdminError):
        watched.start({})
    assert json.loads(file.read_text()) == {"cursor": "2-ab", "run": "1a"}
    watched, client = watching(run(cursor="3-ab"), {**DONE}, cursor=file)
    assert watched.start({"sources": []}) == 0
    assert client.asked[0] == ("/api/warm", {"sources": [], "cursor": "2-ab"})
    assert not file.exists()


def test_a_file_that_holds_no_cursor_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "cursor"
    file.write_text("my diary")
    watched, client = watching(cursor=file)
    with pytest.raises(AdminError, match="holds no cursor"):
        watched.start({})
    assert (client.asked, file.read_text()) == ([], "my diary")


def test_no_run_so_far_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    watched, _ = watching({"runs": []})
    assert watched.list() == 0
    assert capsys.readouterr().out == "no run so far\n"


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    watched, _ = watching(run(total=0), run(done=2), {**DONE})
    assert watched.start({}) == 0
    assert "warming" in capsys.readouterr().out


def test_an_access_log_without_anything_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    nothing: dict[str, Any] = {"url": None, "urls": None, "sitemap": None, "own_log": False, "entries": None}
    with pytest.raises(ValueError, match="no requests"):
        ordered(**nothing, access_log=tmp_path / "log", entries_token=None, top=None, base="")
