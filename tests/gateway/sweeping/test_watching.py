import json
from typing import Any

import pytest

from gateway import following
from gateway.supervisor.client import AdminAnswer
from gateway.sweeping.watching import Watching
from tests.gateway.sweeping.test_report import run
from tests.gateway.warming.test_watching import FakeClient


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.0)


def watching(*answers: Any, **options: Any) -> tuple[Watching, FakeClient]:
    client = FakeClient(*answers)
    return Watching(client, **options), client  # type: ignore[arg-type]  # it answers as the real one does


def test_a_sweep_is_ordered_and_watched_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    watched, client = watching(run("queued"), run("running"), run(changed=1))
    assert watched.start({"tags": ["shop"]}) == 0
    assert client.asked[0] == ("/api/sweeps", {"tags": ["shop"]})
    assert [path for path, _ in client.asked[1:]] == ["/api/sweeps/7", "/api/sweeps/7"]
    assert "nightly, done: 3 of 3 answers; 3 still good, 1 changed" in capsys.readouterr().out


@pytest.mark.parametrize("end", [run(failed=1), run("cancelled"), run("failed", reason="no worker is ready")])
def test_a_sweep_that_did_not_do_everything_ends_with_one(end: dict[str, Any]) -> None:
    watched, _ = watching(run("running"), end)
    assert watched.start({}) == 1


def test_a_refusal_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    watched, _ = watching(AdminAnswer(422, {"detail": "no route is called 'x'"}))
    assert watched.start({"routes": ["x"]}) == 1
    assert capsys.readouterr().err == "no route is called 'x'\n"


def test_a_sweep_may_be_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    watched, client = watching(run("queued"))
    assert watched.start({}, detach=True) == 0
    assert (len(client.asked), capsys.readouterr().out[:9]) == (1, "7 nightly")


def test_ctrl_c_ends_the_sweep_that_was_ordered(capsys: pytest.CaptureFixture[str]) -> None:
    watched, client = watching(run("running"), KeyboardInterrupt(), run("running"))
    assert watched.start({}) == 1
    assert client.asked[-1] == ("/api/sweeps/7/cancel", {})
    assert "sweep 7 ends" in capsys.readouterr().err


def test_ctrl_c_leaves_a_sweep_alone_that_was_only_watched(capsys: pytest.CaptureFixture[str]) -> None:
    watched, client = watching(run("running"), KeyboardInterrupt())
    assert watched.follow("7") == 1
    assert {path for path, _ in client.asked} == {"/api/sweeps/7"}
    assert "sweep 7 goes on" in capsys.readouterr().err


def test_a_report_does_not_wait_for_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    watched, client = watching(run("running"))
    assert watched.report("7") == 0
    assert len(client.asked) == 1
    assert "did not travel" in capsys.readouterr().out


@pytest.mark.parametrize("action", ["pause", "resume", "cancel"])
def test_a_sweep_is_changed(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    watched, client = watching(run("paused"))
    assert watched.change("7", action) == 0
    assert client.asked == [(f"/api/sweeps/7/{action}", {})]
    assert "7 nightly, paused" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["follow", "report"])
def test_what_is_not_remembered_is_said(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    watched, _ = watching(AdminAnswer(404, {"detail": "no sweep of that id is remembered"}))
    assert getattr(watched, what)("9") == 1
    assert capsys.readouterr().err == "no sweep of that id is remembered\n"


def test_the_list_has_runs_and_turns(capsys: pytest.CaptureFixture[str]) -> None:
    watched, _ = watching({"runs": [run()], "configured": []})
    assert watched.list() == 0
    assert capsys.readouterr().out.startswith("7 nightly, done")


def test_programs_get_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    watched, _ = watching(run("running"), run(), as_json=True)
    assert watched.start({}) == 0
    assert json.loads(capsys.readouterr().out) == run()
