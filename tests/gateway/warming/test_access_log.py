import json
from typing import Any

import pytest

from gateway.warming.access_log import Ranking


def own(target: str | None = "/a", upstream_seconds: float = 0.0, **fields: Any) -> str:
    record = {
        "client": "192.0.2.1",
        "method": "GET",
        "scheme": "http",
        "host": "shop.example",
        "target": target,
        "status": 200,
        "upstream_seconds": upstream_seconds,
    }
    return json.dumps(record | fields)


def ranked(*lines: str, base: str = "", most: int = 10) -> list[str]:
    ranking = Ranking(base)
    for line in lines:
        ranking.add(line)
    return ranking.top(most)


def combined(target: str, status: int = 200, seconds: str = "", method: str = "GET") -> str:
    head = f'192.0.2.1 - someone [21/Nov/2026:06:01:46 +0000] "{method} {target} HTTP/1.1" {status} 512'
    return f'{head} "http://a/?\\"b" "Mozilla/5.0 (X; \\"Y\\")"{seconds}\n'


def test_what_was_asked_for_most_times_what_the_origin_takes_comes_first() -> None:
    lines = [own("/often")] * 50 + [own("/often", 0.01)] + [own("/dear", 2.0)] * 2 + [own("/rare", 0.01)]
    assert ranked(*lines) == [f"http://shop.example/{name}" for name in ("dear", "often", "rare")]
    assert ranked(*lines, most=1) == ["http://shop.example/dear"]


def test_what_was_always_stored_counts_with_the_usual_time() -> None:
    lines = [own("/stored")] * 3 + [own("/one", 0.2), own("/two", 0.2), own("/two", 0.2)]
    assert ranked(*lines)[0] == "http://shop.example/stored"


def test_without_any_times_the_count_decides() -> None:
    assert ranked(own("/a"), own("/b"), own("/b")) == ["http://shop.example/b", "http://shop.example/a"]


@pytest.mark.parametrize(
    "line",
    [
        own(method="POST"),
        own(status=500),
        own(client="warming"),
        own("/a?token=***"),
        own(host=7),
        own(target=None),
        own(host=""),
        '{"status": 400, "error": "bad_request"}',
        "[1]",
        "{",
        "",
        "nonsense",
        combined("/a", 502),
        combined("/a", method="DELETE"),
        combined("/a"),
    ],
)
def test_lines_that_say_nothing_about_what_to_warm_are_passed_over(line: str) -> None:
    ranking = Ranking()
    ranking.add(line)
    assert (ranking.requests, ranking.passed_over, ranking.top(5)) == (0, 1, [])


def test_older_lines_without_a_scheme_take_that_of_the_base() -> None:
    record = json.loads(own())
    del record["scheme"]
    assert ranked(json.dumps(record), base="https://shop.example/") == ["https://shop.example/a"]


def test_the_combined_format_is_read_with_a_base() -> None:
    lines = [combined("/a?b=1"), combined("http://other.example/c"), combined("/a?b=1", 304)]
    assert ranked(*lines, base="https://shop.example") == ["https://shop.example/a?b=1", "http://other.example/c"]


def test_seconds_behind_the_combined_format_count() -> None:
    lines = [combined("/fast", seconds=" 0.002")] * 9 + [combined("/slow", seconds=" rt=1.500 upstream")]
    assert ranked(*lines, base="http://a")[0] == "http://a/slow"


def test_of_very_many_urls_the_rarest_are_forgotten() -> None:
    ranking = Ranking(most_urls=8)
    for number in range(100):
        ranking.add(own("/popular"))
        ranking.add(own(f"/{number}"))
    best = ranking.top(100)
    assert best[0] == "http://shop.example/popular"
    assert len(best) <= 8
