"""Which target gives which answer."""

import pytest

from loadtests.origin.routes import (
    DOCUMENTS,
    FIXED,
    Answer,
    Calls,
    Chunked,
    Document,
    Large,
    NotFound,
    Reset,
    Sink,
    answer,
)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/json/1k", Document(DOCUMENTS["1k"])),
        ("/cacheable/10k?page=3", Document(DOCUMENTS["10k"], cache_control="max-age=60")),
        ("/cacheable/1k/3600", Document(DOCUMENTS["1k"], cache_control="max-age=3600")),
        ("/calls", Calls()),
        ("/sink", Sink(checked=False)),
        ("/sink/checked", Sink(checked=True)),
        ("/slow/250", Document(DOCUMENTS["1k"], delay=0.25)),
        ("/chunked/3/100", Chunked(3, 100)),
        ("/large/1073741824", Large(1 << 30)),
        ("/reset", Reset(after_half=False)),
        ("/cut", Reset(after_half=True)),
    ],
)
def test_a_target_has_its_answer(target: str, expected: Answer) -> None:
    assert answer(target) == expected


@pytest.mark.parametrize(
    "target", ["/", "", "*", "/json/2k", "/large/-1", "/chunked/3/0", "/slow/now", "/json/1k/more", "/cacheable/1k/x"]
)
def test_everything_else_is_not_found(target: str) -> None:
    assert answer(target) == NotFound()


def test_the_fast_path_and_the_routes_agree() -> None:
    for target, content in FIXED.items():
        assert answer(target) == Document(content)
