"""What wrk is told, and what is read from what it says."""

from pathlib import Path

import pytest

from loadtests.support.wrk import Load, WrkError, parse, run, script

LINE = (
    "figures requests=1000 microseconds=2000000 bytes=9 connect=1 read=2 write=3 status=4 timeout=5 p50=6 p95=7 p99=8"
)


def test_unique_requests_get_a_script_that_changes_the_request_id() -> None:
    identifier = "5c6f1ad2-6c0e-4b77-9d55-0f6d2f1f7c11"
    text = script(Load("http://x/", 1, {"X-Request-Id": identifier}, unique=True))
    assert f'local unique = "{identifier}"' in text
    assert "request = function()" in text
    assert "request = function()" not in script(Load("http://x/", 1, {"X-Request-Id": identifier}))


def test_a_script_sets_method_fields_and_content() -> None:
    load = Load("http://x/", 1, {"Accept": "a/b;q=0.5"}, method="POST", content_file=Path("/tmp/content"))
    lines = script(load).splitlines()
    assert 'wrk.method = "POST"' in lines
    assert 'wrk.headers["Accept"] = "a/b;q=0.5"' in lines
    assert 'wrk.body = io.open("/tmp/content", "rb"):read("*a")' in lines


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a\nb"])
def test_text_that_lua_would_read_otherwise_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="quoting"):
        script(Load("http://x/", 1, {"A": value}))


def test_figures_are_found_among_everything_else_wrk_prints() -> None:
    figures = parse(f"Running 2s test\n  1 threads\n{LINE}\nRequests/sec: 500\n")
    assert (figures.requests, figures.seconds, figures.p95) == (1000, 2.0, 7)
    assert figures.errors == {"connect": 1, "read": 2, "write": 3, "status": 4, "timeout": 5}
    assert figures.failed == 15


def test_output_without_figures_is_an_error_that_shows_it() -> None:
    with pytest.raises(WrkError, match="unable to connect"):
        parse("unable to connect to 127.0.0.1")


def test_a_missing_wrk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WrkError, match="did not run"):
        run(Load("http://x/", 1, {}), 1, directory=tmp_path)
