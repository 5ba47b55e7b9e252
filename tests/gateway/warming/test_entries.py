from typing import Any

import pytest

from gateway.warming.entries import Entries, url_of


def row(key: str, uses: Any = 1, seconds: Any = 0.1) -> dict[str, Any]:
    return {"key": key, "uses": uses, "origin_seconds": seconds}


def test_what_saves_the_origin_most_comes_first_over_all_workers() -> None:
    entries = Entries()
    entries.add([row("http://a/often", 10), row("http://a/dear", 3, 1.0), row("http://a/never", 0)])
    entries.add([row("http://a/often", 40)])
    assert len(entries) == 3
    assert entries.top(10) == ["http://a/often", "http://a/dear", "http://a/never"]
    assert entries.top(1) == ["http://a/often"]


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("http://a/b?c", "http://a/b?c"),
        ("http://a/b\naccept: text/html", "http://a/b"),
        ("http://a/b\nPOST 1234", None),
        ("http://a/b\nQUERY 1234", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_the_url_of_a_key_is_what_a_get_would_name(key: str, url: str | None) -> None:
    assert url_of({"key": key}) == url


def test_rows_that_are_none_are_counted_and_hurt_nobody() -> None:
    entries = Entries()
    entries.add(["text", None, row("http://a/", "many", -3), row("http://b/", 1e300), row("nonsense"), {}])
    assert (entries.top(5), entries.not_urls) == (["http://a/", "http://b/"], 4)
