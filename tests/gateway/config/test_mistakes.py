import pytest

from gateway.config.mistakes import ConfigError, Mistake, did_you_mean, excerpt, path_text, printable, shown


def mistake(line: int = 1, column: int = 1, message: str = "is wrong", text: str = "", caret: int = 0) -> Mistake:
    return Mistake("c.yaml", line, column, "a.b", message, None, text, caret)


def test_a_mistake_points_at_its_place() -> None:
    found = Mistake(
        "config.yaml", 14, 7, "upstreams.api.timeout", "unknown key", "did you mean 'timeouts'?", "      timeout: 5s", 6
    )
    assert found.render() == (
        "config.yaml:14:7: upstreams.api.timeout: unknown key; did you mean 'timeouts'?\n"
        "          timeout: 5s\n"
        "          ^"
    )


def test_a_mistake_without_a_line_has_no_position() -> None:
    assert Mistake("command line", 0, 0, "listen", "has no port").render() == "command line: listen: has no port"


def test_tabs_before_the_caret_stay_tabs() -> None:
    assert mistake(1, 3, text="\ta x", caret=2).render().splitlines()[1:] == ["    \ta x", "    \t ^"]


def test_a_caret_may_stand_behind_the_line() -> None:
    assert mistake(1, 5, text="a: [", caret=4).render().splitlines()[-1] == "        ^"


def test_the_error_lists_its_mistakes_in_the_order_of_the_file_and_once() -> None:
    error = ConfigError([mistake(3), mistake(1, 9), mistake(1, 2), mistake(3)])
    assert [(each.line, each.column) for each in error.mistakes] == [(1, 2), (1, 9), (3, 1)]
    assert str(error).count("\n") == 2


def test_a_hundred_mistakes_are_enough() -> None:
    error = ConfigError(mistake(line) for line in range(1, 131))
    assert len(error.mistakes) == 100
    assert str(error).endswith("… and 30 more")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), ""),
        (("a", 0, "b"), "a[0].b"),
        (("plugins", 2, "paint", "coats"), "plugins.paint.coats"),
        (("plugins", 2), "plugins[2]"),
        (("routes", 1, "plugins", "paint"), "routes[1].plugins.paint"),
        (("a", "b c", "d.e"), 'a."b c"."d.e"'),
        (("plugins", 0, "my.module:Class"), 'plugins."my.module:Class"'),
        (("a\n\x1b",), '"a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"'),
    ],
)
def test_a_path_reads_like_the_file(path: tuple[str | int, ...], expected: str) -> None:
    assert path_text(path) == expected


def test_nothing_in_a_mistake_can_disturb_a_terminal() -> None:
    text = mistake(message="a\x1b[2Jb\nc").summary() + printable("\x00\x07") + shown("\x1b]0;x\x07")
    assert text.isprintable()


def test_long_names_are_cut() -> None:
    assert printable("x" * 100) == "x" * 80 + "…"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("token: hush", "token: ****"),
        ('  {a: 1, supplier_token: "hu, sh", b: 2}', "  {a: 1, supplier_token: ********, b: 2}"),
        ("db-password : 'x y'", "db-password : *****"),
        ("API_KEY: abc # why", "API_KEY: *** # why"),
        ("url: http://me:pass@host", "url: http://*******@host"),
        ("token: ${ADMIN_TOKEN}", "token: ${ADMIN_TOKEN}"),
        ("key: k.pem", "key: k.pem"),
        ("a: b", "a: b"),
    ],
)
def test_secrets_in_an_excerpt_are_hidden_without_moving_the_rest(line: str, expected: str) -> None:
    assert shown(line) == expected
    assert len(shown(line)) == len(line)


def test_only_the_part_of_a_long_line_around_the_column_is_shown() -> None:
    line = "x" * 500 + "HERE" + "y" * 500
    part, caret = excerpt(line, 501)
    assert len(part) <= 120
    assert part[caret : caret + 4] == "HERE"


def test_hiding_secrets_in_a_long_line_takes_no_time_to_speak_of() -> None:
    assert len(shown("token" * 40_000)) == 200_000
    assert len(shown("://" * 40_000)) == 120_000


def test_the_nearest_name_is_suggested_or_all_of_them_are_listed() -> None:
    names = ["connect", "first_byte", "idle"]
    assert did_you_mean("conect", names, "known keys") == "did you mean 'connect'?"
    assert did_you_mean("zzz", names, "known keys") == "known keys: connect, first_byte, idle"
    assert did_you_mean("zzz", [], "known keys") is None
    assert did_you_mean("zzz", [str(n) * 9 for n in range(30)], "known keys") is None
