from pathlib import Path

import pytest

from gateway.config import ConfigError
from gateway.supervisor.source import FileSource, UpstreamSource


def test_a_file_is_read_anew_each_time_and_watched(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    source = FileSource(path)
    for name in ("one", "two"):
        path.write_text(f'name: {name}\nupstreams: {{app: {{servers: ["http://127.0.0.1:1"]}}}}\n')
        assert source.load().settings.name == name
    assert source.watched() == [path]
    assert source.name == str(path)


def test_the_command_line_takes_the_place_of_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text('workers: 1\nupstreams: {app: {servers: ["http://127.0.0.1:1"]}}\n')
    settings = FileSource(path, {"workers": "3", "listen": "127.0.0.1:7000"}).load().settings
    assert settings.workers == 3
    assert str(settings.listen[0].address) == "127.0.0.1:7000"


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        FileSource(tmp_path / "missing.yaml").load()


def test_upstreams_of_the_command_line_need_no_file() -> None:
    source = UpstreamSource(["http://127.0.0.1:8000"], workers=2, admin="off")
    configuration = source.load()
    assert configuration.settings.workers == 2
    assert configuration.settings.admin is None
    assert configuration.routes[0].upstream == "app"
    assert source.watched() == []


def test_a_bad_upstream_is_a_mistake_of_the_command_line() -> None:
    with pytest.raises(ConfigError, match="command line"):
        UpstreamSource(["nonsense"]).load()
