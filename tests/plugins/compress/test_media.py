import pytest

from plugins.compress.media import MediaTypes
from plugins.compress.settings import DEFAULT_TYPES


@pytest.mark.parametrize(
    ("content_type", "is_in"),
    [
        (b"text/html", True),
        (b"Text/HTML; charset=utf-8", True),
        (b"text/html;charset=utf-8", True),
        (b"application/json", True),
        (b"application/problem+json", True),
        (b"application/json-patch", False),
        (b"application/x+jsonb", False),
        (b"image/svg+xml", True),
        (b"image/png", False),
        (b"text", False),
        (b"text/", False),
        (b"/html", False),
        (b"", False),
        (None, False),
    ],
)
def test_types_are_compared_without_case_and_parameters(content_type: bytes | None, is_in: bool) -> None:
    types = MediaTypes(["text/*", "application/json", "application/*+json", "*/*+xml"])
    assert (content_type in types) is is_in
    assert (content_type in types) is is_in  # also when it is remembered


def test_a_star_means_everything_that_has_a_type() -> None:
    assert b"image/png" in MediaTypes(["*/*"])
    assert None not in MediaTypes(["*/*"])
    assert b"text/html" not in MediaTypes([])


@pytest.mark.parametrize(
    "worth_it", [b"text/html", b"application/ld+json", b"image/svg+xml", b"font/ttf", b"text/event-stream"]
)
def test_what_is_worth_it_unless_said_otherwise(worth_it: bytes) -> None:
    assert worth_it in MediaTypes(DEFAULT_TYPES)


@pytest.mark.parametrize(
    "not_worth_it", [b"image/jpeg", b"video/mp4", b"font/woff2", b"application/zip", b"application/octet-stream"]
)
def test_what_is_compressed_already_is_not(not_worth_it: bytes) -> None:
    assert not_worth_it not in MediaTypes(DEFAULT_TYPES)
