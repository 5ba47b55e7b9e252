import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import gateway
from gateway.cli import DEFAULT_ADMIN, SENSIBLE_CHAIN, app, describe
from gateway.config import Configuration, load_text
from gateway.supervisor import main as supervisor
from gateway.supervisor.client import AdminAnswer, AdminError
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


def test_check_reads_the_certificates_that_a_file_names(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    text = f"listen: {{address: 127.0.0.1:1, tls: {{certificate: {missing}, key: {missing}}}}}\n{GOOD}"
    result = slipstream("check", written(tmp_path, text))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"config.yaml: listen 127.0.0.1:1: tls: {missing}: no such file or directory" in result.stderr


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
    assert started == [UpstreamSource(urls, admin="off", chain=("compress", "cache", "coalesce", "circuit_breaker"))]


def test_what_run_starts_without_a_file_is_a_good_configuration() -> None:
    loaded = UpstreamSource(["http://127.0.0.1:1"], chain=SENSIBLE_CHAIN).load()
    assert describe(loaded) == "1 route to 1 upstream (app); plugins compress, cache, coalesce, circuit_breaker"
    assert loaded.settings.admin is not None
    assert str(loaded.settings.admin.address) == DEFAULT_ADMIN


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


@dataclass
class FakeGateway:
    """Stands in for the admin application of a running gateway."""

    status: int = 200
    document: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    asked: list[Any] = field(default_factory=list)

    def __call__(self, address: str, token: str | None) -> "FakeGateway":
        self.asked += [address, token]
        return self

    async def post(self, path: str, document: dict[str, Any]) -> AdminAnswer:
        return self._answer(path, document)

    async def get(self, path: str, parameters: list[tuple[str, str]]) -> AdminAnswer:
        return self._answer(path, parameters)

    def _answer(self, path: str, what: Any) -> AdminAnswer:
        self.asked += [path, what]
        if self.error:
            raise AdminError(self.error)
        return AdminAnswer(self.status, self.document)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    fake = FakeGateway()
    monkeypatch.setattr("gateway.supervisor.client.AdminClient", fake)
    for name in ("SLIPSTREAM_ADMIN", "SLIPSTREAM_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return fake


PURGED = {
    "soft": False,
    "dry_run": False,
    "count": 2,
    "octets": 2048,
    "acknowledged": 1,
    "workers": [{"worker": "0", "pid": 10, "count": 2, "octets": 2048}],
}


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--url", "http://a/"], {"url": "http://a/"}),
        (["--prefix", "http://a/"], {"prefix": "http://a/"}),
        (["--tag", "shop"], {"tag": "shop"}),
        (["--route", "api"], {"route": "api"}),
        (["--all"], {"all": True}),
    ],
)
def test_purge_asks_for_one_thing(fake: FakeGateway, arguments: list[str], wanted: dict[str, Any]) -> None:
    fake.document = PURGED
    result = slipstream("purge", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert fake.asked == [DEFAULT_ADMIN, None, "/api/purge", {**wanted, "soft": False, "dry_run": False}]
    assert result.stdout.startswith("removed 2 stored responses (2.0 KiB); acknowledged by 1 of 1 worker\n")


def test_purge_hands_its_options_on(fake: FakeGateway) -> None:
    fake.document = PURGED
    slipstream("purge", "--tag", "a", "--soft", "--dry-run", "--admin", ":1", "--token", "secret")
    assert fake.asked == [":1", "secret", "/api/purge", {"tag": "a", "soft": True, "dry_run": True}]


@pytest.mark.parametrize("arguments", [[], ["--all", "--tag", "a"], ["--tag", ""], ["--soft"]])
def test_purge_wants_exactly_one_thing(fake: FakeGateway, arguments: list[str]) -> None:
    result = slipstream("purge", *arguments)
    assert (result.exit_code, fake.asked) == (2, [])
    assert "exactly one" in result.stderr


def test_address_and_token_may_come_from_the_environment(fake: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_ADMIN", "127.0.0.1:1")
    monkeypatch.setenv("SLIPSTREAM_TOKEN", "from-the-environment")
    fake.document = PURGED
    slipstream("purge", "--all")
    assert fake.asked[:2] == ["127.0.0.1:1", "from-the-environment"]


def test_for_programs_the_answer_is_json(fake: FakeGateway) -> None:
    fake.document = PURGED
    assert json.loads(slipstream("purge", "--all", "--json").stdout) == PURGED


def test_a_purge_that_not_all_workers_acknowledged_is_no_success(fake: FakeGateway) -> None:
    fake.status, fake.document = 207, PURGED
    result = slipstream("purge", "--all")
    assert (result.exit_code, "removed" in result.stdout) == (1, True)


def test_what_the_gateway_refuses_is_told_in_its_words(fake: FakeGateway) -> None:
    fake.status, fake.document = 404, {"detail": "there is no store"}
    result = slipstream("purge", "--all")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "there is no store\n")
    result = slipstream("purge", "--all", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, fake.document)


def test_where_no_gateway_answers_it_is_said(fake: FakeGateway) -> None:
    fake.error = "no gateway answers"
    result = slipstream("explain", "http://a/")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "no gateway answers\n")


def test_explain_asks_about_a_request(fake: FakeGateway) -> None:
    told = {"worker": "0", "pid": 10, "route": "r", "upstream": "app", "plugins": []}
    fake.document = {"method": "HEAD", "url": "http://a/[b]", "workers": [told]}
    result = slipstream("explain", "http://a/[b]", "-H", "A: b", "-H", "C: d", "--method", "HEAD")
    assert fake.asked[2:] == [
        "/api/explain",
        [("url", "http://a/[b]"), ("method", "HEAD"), ("header", "A: b"), ("header", "C: d")],
    ]
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "HEAD http://a/[b]"
    assert "route r, upstream app" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "order"),
    [
        (["--open", "upstream:app", "--for", "30s"], {"action": "open", "circuit": "upstream:app", "for": "30s"}),
        (["--close", "upstream:app"], {"action": "close", "circuit": "upstream:app"}),
        (["--reset", "all"], {"action": "reset", "all": True}),
    ],
)
def test_circuits_are_ordered_about(fake: FakeGateway, arguments: list[str], order: dict[str, Any]) -> None:
    fake.document = {"action": order["action"], "count": 2, "workers": [{}, {}]}
    result = slipstream("breakers", *arguments)
    assert fake.asked[2:] == ["/api/breakers", order]
    assert (result.exit_code, result.stdout.startswith(f"{order['action']}: 2 circuits")) == (0, True)


def test_circuits_are_listed(fake: FakeGateway) -> None:
    fake.document = {"circuits": [], "workers": []}
    assert "no circuit yet" in slipstream("breakers").stdout
    assert fake.asked[2] == "/api/breakers"


@pytest.mark.parametrize("arguments", [["--open", "a", "--close", "a"], ["--close", "a", "--for", "5s"]])
def test_orders_that_contradict_themselves_are_wrong_usage(fake: FakeGateway, arguments: list[str]) -> None:
    assert slipstream("breakers", *arguments).exit_code == 2
    assert fake.asked == []


def test_no_command_is_wrong_usage_and_shows_them_all() -> None:
    result = slipstream()
    assert result.exit_code == 2
    for command in ("run", "check", "purge", "explain", "breakers", "schema", "demo", "version"):
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
