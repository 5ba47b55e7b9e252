from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.warming.sitemap import Page, SitemapError, SitemapReader

NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def read(*pieces: bytes | str, most: int = 100) -> SitemapReader:
    reader = SitemapReader(most)
    for piece in pieces:
        reader.feed(piece.encode() if isinstance(piece, str) else piece)
    reader.finish()
    return reader


def urls(pages: Iterable[Page]) -> list[str]:
    return [page.url for page in pages]


URLSET = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {NAMESPACE} xmlns:i="http://www.google.com/schemas/sitemap-image/1.1">'
    "<url><loc> http://shop.example/a?b=1&amp;c=2 </loc><priority>0.9</priority>"
    "<i:image><i:loc>http://cdn.example/a.png</i:loc></i:image></url>"
    "<url><lastmod>2026-01-01</lastmod><loc><![CDATA[http://shop.example/b]]></loc><priority>much</priority></url>"
    "<url><priority>0.3</priority></url></urlset>"
)


@pytest.mark.parametrize("step", [1, 13, 10_000])
def test_pages_are_read_with_their_priority_however_they_arrive(step: int) -> None:
    data = URLSET.encode()
    reader = read(*[data[begin : begin + step] for begin in range(0, len(data), step)])
    assert reader.pages == [Page("http://shop.example/a?b=1&c=2", 0.9), Page("http://shop.example/b", 0.5)]
    assert reader.sitemaps == []


def test_an_index_names_further_sitemaps() -> None:
    named = "".join(f"<sitemap><loc>/{name}.xml</loc></sitemap>" for name in "ab")
    text = f"<sitemapindex {NAMESPACE}>{named}</sitemapindex>"
    assert read(text).sitemaps == ["/a.xml", "/b.xml"]


def test_without_a_namespace_it_is_read_all_the_same() -> None:
    assert urls(read("<urlset><url><loc>http://a/</loc></url></urlset>").pages) == ["http://a/"]


def test_lines_of_text_are_a_sitemap_as_well() -> None:
    reader = read(b"\xef\xbb\xbfhttp://a/1\r\n", b"\nhttp://a/", b"2")
    assert urls(reader.pages) == ["http://a/1", "http://a/2"]


def test_other_encodings_are_read() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><urlset><url><loc>http://a/ü</loc></url></urlset>'
    assert urls(read(text.encode("utf-16")).pages) == ["http://a/ü"]


def test_what_is_beyond_the_bound_is_counted_and_left_out() -> None:
    reader = read("<urlset>" + "<url><loc>http://a/</loc></url>" * 5 + "</urlset>", most=3)
    assert (len(reader.pages), reader.left_out) == (3, 2)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE urlset SYSTEM "file:///etc/passwd"><urlset/>',
        '<!DOCTYPE urlset [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>',
        '<!DOCTYPE urlset [<!ENTITY % p SYSTEM "http://evil.example/x"> %p;]><urlset/>',
        "<urlset><url><loc>&unknown;</loc></url></urlset>",
        "<html><body>404</body></html>",
        "<urlset><url><loc>http://a/</loc>",
        "<urlset>" + "<a>" * 50,
        '<?xml version="1.0" encoding="nonsense"?><urlset/>',
        "",
        "   ",
        "x" * 20_000,
        b"http://a/\xff\n",
    ],
)
def test_what_is_no_sitemap_is_refused(text: str | bytes) -> None:
    with pytest.raises(SitemapError):
        read(text)


def test_a_location_without_an_end_takes_no_memory() -> None:
    reader = SitemapReader(10)
    reader.feed(b"<urlset><url><loc>")
    for _ in range(1000):
        reader.feed(b"x" * 10_000)
    assert reader._written is not None
    assert sum(map(len, reader._written)) <= 20_000
    reader.feed(b"</loc></url></urlset>")
    reader.finish()
    assert reader.pages == []


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_any_octets_give_a_sitemap_or_an_error(pieces: list[bytes]) -> None:
    try:
        read(b"<urlset>", *pieces)
    except SitemapError:
        pass
