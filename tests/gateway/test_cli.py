import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import gateway
from gateway.cli import app, describe
from gateway.config import Configuration, load_text
from gateway.supervisor import main as supervisor
from gateway.supervisor.source import ConfigSource, FileSource, UpstreamSource

GOOD = "upstreams:\n  app:\n    servers: [http://127.0.0.1:8000]\n"
BAD = GOOD + "listn: 127.0.0.1:8080\nworkers: none\n"


def slipstream(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[ConfigSource]:
    """What the supervisor was started with, in place of a real start. It ends with exit code 7."""
    sources: list[ConfigSource] = []

    def run(source: ConfigSource) -> int:
        sources.append(source)
        return 7

    monkeypatch.setattr(supervisor, "run", run)
    return sources


def written(directory: Path, text: str) -> str:
    file = directory / "config.yaml"
    file.write_text(text)
    return str(file)


def test_version_prints_the_version() -> None:
    result = slipstream("version")
    assert (result.exit_code, result.stdout) == (0, f"slipstream {gateway.__version__}\n")


def test_check_says_what_is_in_a_good_file(tmp_path: Path) -> None:
    result = slipstream("check", written(tmp_path, GOOD))
    assert result.exit_code == 0
    assert result.stdout.startswith("OK ")
    assert "1 route to 1 upstream (app); no plugins" in result.stdout


def test_check_shows_every_mistake_with_its_place_and_a_caret(tmp_path: Path) -> None:
    result = slipstream("check", written(tmp_path, BAD))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "config.yaml:4:1: listn: " in result.stderr
    assert "config.yaml:5:10: workers: " in result.stderr
    assert result.stderr.count("^") == 2


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    result = slipstream("check", str(tmp_path / "nowhere.yaml"))
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_schema_is_a_json_schema() -> None:
    result = slipstream("schema")
    assert result.exit_code == 0
    assert "upstreams" in json.loads(result.stdout)["properties"]


def test_run_takes_a_file_and_flags_over_it(tmp_path: Path, started: list[ConfigSource]) -> None:
    file = written(tmp_path, GOOD)
    result = slipstream("run", "-c", file, "--listen", ":9", "--workers", "3")
    assert result.exit_code == 7
    assert started == [FileSource(Path(file), {"listen": ":9", "workers": "3"})]


def test_run_takes_upstreams_without_a_file(started: list[ConfigSource]) -> None:
    urls = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    result = slipstream("run", "--upstream", urls[0], "--upstream", urls[1], "--admin", "off")
    assert result.exit_code == 7
    assert started == [UpstreamSource(urls, admin="off")]


def test_run_takes_the_file_of_the_directory_where_nothing_is_named(
    tmp_path: Path, started: list[ConfigSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    assert slipstream("run").exit_code == 7
    assert started == [FileSource(Path("config.yaml"), {})]


def test_run_with_nothing_to_stand_before_shows_both_ways(
    tmp_path: Path, started: list[ConfigSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = slipstream("run")
    assert (result.exit_code, started) == (2, [])
    assert "--upstream http://" in result.stderr
    assert "--config FILE" in result.stderr


def test_run_refuses_a_file_together_with_upstreams(tmp_path: Path, started: list[ConfigSource]) -> None:
    result = slipstream("run", "-c", written(tmp_path, GOOD), "--upstream", "http://127.0.0.1:1")
    assert (result.exit_code, started) == (2, [])
    assert "not both" in result.stderr


def test_demo_hands_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, object]] = []

    def run(**options: object) -> int:
        shown.append(options)
        return 0

    monkeypatch.setattr("gateway.demo.main.run", run)
    assert slipstream("demo", "--seconds", "5", "--listen", ":1", "--plain").exit_code == 0
    assert slipstream("demo").exit_code == 0
    assert shown == [
        {"seconds": 5.0, "listen": ":1", "plain": True},
        {"seconds": None, "listen": None, "plain": False},
    ]


def test_no_command_is_wrong_usage_and_shows_them_all() -> None:
    result = slipstream()
    assert result.exit_code == 2
    for command in ("run", "check", "schema", "demo", "version"):
        assert command in result.output


def test_the_description_counts_routes_and_names_upstreams() -> None:
    text = """
upstreams: {a: {servers: [http://127.0.0.1:1]}, b: {servers: [http://127.0.0.1:2]}}
routes: [{match: /x, upstream: b}, {match: /y, upstream: a}, {match: /z, upstream: b}]
"""
    assert describe(loaded(text)) == "3 routes to 2 upstreams (a, b); no plugins"


def loaded(text: str) -> Configuration:
    def nothing(name: str) -> type:
        raise LookupError(name)

    return load_text(text, nothing, environ={})


def test_version_brings_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys\nfrom gateway.cli import app\napp(['version'], standalone_mode=False)\n"
        "print([name for name in ('aiohttp', 'gateway.config', 'ruamel', 'uvloop') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_mistakes_at_the_start_are_words_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway", "run", "-c", written(tmp_path, BAD)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "listn" in ended.stderr
    assert "Traceback" not in ended.stderr
