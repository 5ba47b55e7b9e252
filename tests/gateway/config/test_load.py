from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ConfigError, TcpAddress, from_upstream, load_file, load_text
from gateway.config.load import LARGEST_FILE
from tests.gateway.config.standins import UPSTREAM, loaded, resolve

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.yaml"))

TEN_MISTAKES = """\
listen: 127.0.0.1
admin: 0.0.0.0:9900
workers: two
limits: {heads: 8KiB, body_idle_timeout: 30}
upstreams:
  api:
    servers: [http://127.0.0.1:8000/v1]
    timeout: {total: 5s}
plugins:
  - paint: {coats: 9}
  - pant: {}
routes:
  - match: api/*
    upstream: api
"""


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_each_mistake_is_told_alone_and_in_its_place(path: Path) -> None:
    text = path.read_text()
    expected = text.partition("\n")[0].removeprefix("# ")
    with pytest.raises(ConfigError) as refused:
        load_text(text, resolve, environ={})
    assert [mistake.summary() for mistake in refused.value.mistakes] == [f"config.yaml:{expected}"]


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) > 30


def test_ten_mistakes_give_ten_errors_with_line_and_column() -> None:
    with pytest.raises(ConfigError) as refused:
        load_text(TEN_MISTAKES, resolve)
    assert [(each.line, each.column, each.path) for each in refused.value.mistakes] == [
        (1, 9, "listen"),
        (2, 8, "admin"),
        (3, 10, "workers"),
        (4, 10, "limits.heads"),
        (4, 42, "limits.body_idle_timeout"),
        (7, 15, "upstreams.api.servers[0]"),
        (8, 5, "upstreams.api.timeout"),
        (10, 20, "plugins.paint.coats"),
        (11, 5, "plugins.pant"),
        (13, 12, "routes[0].match"),
    ]
    assert str(refused.value).count("^") == 10


def test_a_mistake_is_shown_with_its_line_and_a_caret() -> None:
    with pytest.raises(ConfigError) as refused:
        load_text(UPSTREAM + "workrs: 2\n", resolve)
    assert str(refused.value) == ("config.yaml:2:1: workrs: unknown key; did you mean 'workers'?\n    workrs: 2\n    ^")


def test_a_variable_becomes_what_it_spells() -> None:
    settings = loaded("workers: ${N:-2}\nlisten: ${L:-127.0.0.1:8081}\ndrain: ${D}\n", D="3s").settings
    assert (settings.workers, settings.drain, settings.listen[0].address) == (2, 3.0, TcpAddress("127.0.0.1", 8081))


def test_a_secret_in_a_mistake_is_hidden() -> None:
    with pytest.raises(ConfigError) as refused:
        load_text(UPSTREAM + "admin: {token: hush, adress: x}\n", resolve)
    assert "hush" not in str(refused.value) + repr(refused.value)


def test_a_secret_from_the_environment_is_not_told() -> None:
    with pytest.raises(ConfigError) as refused:
        loaded("admin: {token: '${T}'}\n", T="hush")
    assert "hush" not in str(refused.value) + repr(refused.value)


def test_a_file_is_read_and_named_in_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + UPSTREAM.encode())
    assert load_file(path, resolve).settings.upstreams.keys() == {"app"}
    path.write_text("workrs: 1\n")
    with pytest.raises(ConfigError, match=f"^{path}:1:1"):
        load_file(path, resolve)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "missing.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=f"^{path}: cannot be read: {reason}"):
            load_file(path, resolve)


def test_a_file_that_is_not_utf_8_says_where(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"workers: 1\n# \xc3\xa9 caf\xe9\n")
    with pytest.raises(ConfigError) as refused:
        load_file(path, resolve)
    assert [(each.line, each.column) for each in refused.value.mistakes] == [(2, 8)]


@pytest.mark.parametrize("filling", [b"#", b"\xff"])
def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path, filling: bytes) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(filling * (LARGEST_FILE + 10))
    with pytest.raises(ConfigError, match="is larger than 1 MiB"):
        load_file(path, resolve)


def test_the_command_line_takes_the_place_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(UPSTREAM + "listen: :1\nworkers: 1\n")
    overrides = {"listen": "127.0.0.1:2", "admin": "off", "workers": "3"}
    settings = load_file(path, resolve, overrides=overrides).settings
    assert (settings.listen[0].address, settings.admin, settings.workers) == (TcpAddress("127.0.0.1", 2), None, 3)


def test_a_mistake_of_the_command_line_is_not_sought_in_the_file() -> None:
    with pytest.raises(ConfigError) as refused:
        load_text(UPSTREAM + "listen: :1\n", resolve, overrides={"listen": "nowhere"})
    assert str(refused.value).startswith("command line: listen: has no port; write")


def test_an_upstream_alone_makes_a_gateway() -> None:
    configuration = from_upstream(["http://a", "http://b:81"], resolve, chain=["paint"])
    assert [server.url for server in configuration.settings.upstreams["app"].servers] == ["http://a", "http://b:81"]
    assert [use.name for use in configuration.routes[0].plugins] == ["paint"]
    assert configuration.settings.listen[0].address == TcpAddress("127.0.0.1", 8080)


def test_flags_change_a_gateway_without_a_file() -> None:
    settings = from_upstream(["http://a"], resolve, listen=":81", admin="off", workers=2).settings
    assert (settings.listen[0].address, settings.admin, settings.workers) == (TcpAddress("", 81), None, 2)
    assert from_upstream(["http://a"], resolve, workers="auto").settings.workers == "auto"


@pytest.mark.parametrize(
    ("urls", "flags", "message"),
    [
        ([], {}, r"command line: upstreams\.app\.servers: must not be empty"),
        (["a:80"], {}, r"command line: upstreams\.app\.servers\[0\]: must be the address of a server"),
        (["http://a"], {"workers": "x"}, "command line: workers: must be auto or a number"),
        (["http://a"], {"admin": "0.0.0.0:1"}, "command line: admin: a token is required"),
    ],
)
def test_flags_are_checked_like_a_file(urls: list[str], flags: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_upstream(urls, resolve, **flags)


NAMES = [
    "a",
    "app",
    "listen",
    "upstreams",
    "servers",
    "plugins",
    "paint",
    "coats",
    "routes",
    "match",
    "/api/*",
    "http://a",
]
VALUES = ["off", "5s", "64KiB", "${X}", "${X:-1}", "${", "$$", "1", "-1.5e3", "~", "true", "é"]
MARKS = ["&a", "*a", "!t", "<<", "- ", ": ", "? ", "[", "]", "{", "}", ", ", "'", '"', "|\n", ">\n", "#", "%", "\\"]
SPACES = ["\n", "\n  ", "\n    ", "\t", "---\n", "...\n", "\u2028", "\ufeff", "\x85", "\0", "\ud800"]
WORDS = NAMES + VALUES + MARKS + SPACES


def one_answer(text: str) -> None:
    """A configuration, or mistakes that can be shown on a terminal; every other exception fails the test."""
    mistakes: ConfigError | None = None
    try:
        assert load_text(text, resolve, environ={"X": "x"}).routes
    except ConfigError as error:
        mistakes = error
    if mistakes is not None:
        assert mistakes.mistakes
        assert all(char.isprintable() or char in "\n\t" for char in str(mistakes))


@given(st.text())
def test_any_text_gives_a_configuration_or_its_mistakes(text: str) -> None:
    one_answer(text)


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_soup_of_yaml_gives_a_configuration_or_its_mistakes(words: list[str]) -> None:
    one_answer("".join(words))


@given(st.data())
def test_a_good_file_with_a_piece_cut_out_or_put_in_gives_an_answer(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TEN_MISTAKES)))
    end = data.draw(st.integers(start, min(len(TEN_MISTAKES), start + 20)))
    one_answer(TEN_MISTAKES[:start] + data.draw(st.sampled_from(WORDS)) + TEN_MISTAKES[end:])
