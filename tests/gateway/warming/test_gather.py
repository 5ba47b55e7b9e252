import gzip
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.warming.gather import DEEPEST_SITEMAP, MOST_REDIRECTIONS, Gathering, Moved, SourceError, SourceReport
from gateway.warming.order import AccessLog, OtherGateway, Sitemap, Source, UrlFile, UrlList


class Site:
    """A gateway that serves lists, and knows another one."""

    def __init__(self, **pages: bytes | str) -> None:
        self.pages: dict[str, bytes | str] = {f"http://a/{name}": content for name, content in pages.items()}
        self.asked: list[str] = []
        self.rows: list[list[dict[str, Any]]] = []
        self.log: Path | None = None

    async def read(self, url: str) -> AsyncGenerator[bytes, None]:
        self.asked.append(url)
        content = self.pages.get(url)
        if content is None:
            raise SourceError("answered with 404")
        if isinstance(content, str):
            raise Moved(content)
        for begin in range(0, len(content), 1000):
            yield content[begin : begin + 1000]

    async def entries(self, source: OtherGateway, offset: int) -> Mapping[str, Any]:
        self.asked.append(f"{source.address} {offset}")
        page = offset // 500
        if page >= len(self.rows):
            raise SourceError("no gateway answers")
        return {"entries": self.rows[page], "next_offset": None if page + 1 == len(self.rows) else offset + 500}

    def own_log(self) -> Path | None:
        return self.log


def urlset(*urls: str) -> bytes:
    return b"<urlset>%b</urlset>" % b"".join(b"<url><loc>%b</loc></url>" % url.encode() for url in urls)


def index(*urls: str) -> bytes:
    return b"<sitemapindex>%b</sitemapindex>" % b"".join(
        b"<sitemap><loc>%b</loc></sitemap>" % url.encode() for url in urls
    )


async def gathered(
    site: Site, *sources: Source, most: int = 100, hosts: tuple[str, ...] = ()
) -> tuple[list[str], list[SourceReport]]:
    gathering = Gathering(most, hosts, site)
    reports = [SourceReport(source.describe()) for source in sources]
    for source, report in zip(sources, reports, strict=True):
        await gathering.gather(source, report)
    return gathering.urls, reports


async def test_each_url_is_there_once_in_the_order_of_the_sources() -> None:
    sources = UrlList(("http://a/2", "HTTP://A/1")), UrlList(("http://a/1#x", "http://a/3", "nonsense"))
    urls, reports = await gathered(Site(), *sources)
    assert urls == ["http://a/2", "http://a/1", "http://a/3"]
    assert [(report.state, report.found, report.notes) for report in reports] == [
        ("read", 2, []),
        ("read", 1, ["1 lines are no URLs"]),
    ]


async def test_what_is_beyond_the_bound_is_left_out() -> None:
    gathering = Gathering(2, (), Site())
    await gathering.gather(UrlList(tuple(f"http://a/{number}" for number in range(5))), SourceReport(""))
    assert (len(gathering.urls), gathering.left_out) == (2, 3)


async def test_only_hosts_of_the_settings_are_taken() -> None:
    urls = UrlList(("http://a/", "http://evil.example/", "http://www.b.example/"))
    found, (report,) = await gathered(Site(), urls, hosts=("a", "*.b.example"))
    assert found == ["http://a/", "http://www.b.example/"]
    assert report.notes == ["1 URLs are of hosts that are not to be warmed"]


async def test_an_index_leads_to_its_sitemaps_gzipped_or_not() -> None:
    site = Site(**{"s.xml": index("b.xml.gz", "http://a/c.xml", "http://a/s.xml")})
    site.pages["http://a/b.xml.gz"] = gzip.compress(urlset("/1", "/2"))
    site.pages["http://a/c.xml"] = urlset("http://a/2", "http://a/3")
    urls, (report,) = await gathered(site, Sitemap("http://a/s.xml"))
    assert urls == ["http://a/1", "http://a/2", "http://a/3"]
    assert site.asked == ["http://a/s.xml", "http://a/b.xml.gz", "http://a/c.xml"]
    assert report.state == "read"


async def test_the_priority_of_pages_decides_which_come_first() -> None:
    pages = b"".join(
        b"<url><loc>/%d</loc><priority>%b</priority></url>" % (at, said)
        for at, said in enumerate((b"0.1", b"1.0", b"0.6"))
    )
    urls, _ = await gathered(Site(s=b"<urlset>%b</urlset>" % pages), Sitemap("http://a/s"))
    assert urls == ["http://a/1", "http://a/2", "http://a/0"]


async def test_a_sitemap_speaks_for_its_own_host_alone() -> None:
    site = Site(s=index("http://evil.example/x.xml"), t=urlset("http://evil.example/1", "http://a:81/2", "/3"))
    urls, (first, second) = await gathered(site, Sitemap("http://a/s"), Sitemap("http://a/t"))
    assert urls == ["http://a:81/2", "http://a/3"]
    assert site.asked == ["http://a/s", "http://a/t"]
    assert "of another host" in first.notes[0]
    assert second.notes == ["1 URLs are of hosts that are not to be warmed"]


async def test_an_index_within_an_index_without_end_is_left() -> None:
    site = Site(**{f"{depth}": index(f"/{depth + 1}") for depth in range(20)})
    _, (report,) = await gathered(site, Sitemap("http://a/0"))
    assert len(site.asked) == DEEPEST_SITEMAP + 1
    assert "too many" in report.notes[0]


async def test_one_bad_sitemap_of_an_index_does_not_cost_the_others() -> None:
    site = Site(s=index("/gone", "/html", "/cut", "/good"), html=b"<html/>", good=urlset("/1"))
    site.pages["http://a/cut"] = gzip.compress(urlset("/2"))[:-9]
    urls, (report,) = await gathered(site, Sitemap("http://a/s"))
    assert urls == ["http://a/1"]
    assert report.notes == [
        "http://a/gone: answered with 404",
        "http://a/html: is no sitemap: its root is 'html'",
        "http://a/cut: broken gzip: cut short",
    ]


async def test_what_is_no_url_in_an_index_does_not_cost_the_others() -> None:
    site = Site(s=index("file:///etc/passwd", "http://[::1", "unix:/run/app.sock", "/good"), good=urlset("/1"))
    urls, (report,) = await gathered(site, Sitemap("http://a/s"))
    assert (urls, report.state, site.asked) == (["http://a/1"], "read", ["http://a/s", "http://a/good"])
    assert len(report.notes) == 3
    assert "'file:///etc/passwd'" in report.notes[0]


async def test_a_sitemap_may_be_somewhere_else() -> None:
    site = Site(s="http://a/t", t=urlset("1"))
    assert (await gathered(site, Sitemap("http://a/s")))[0] == ["http://a/1"]


async def test_redirections_have_an_end() -> None:
    site = Site(s="http://a/s")
    urls, (report,) = await gathered(site, Sitemap("http://a/s"))
    assert (urls, report.state, len(site.asked)) == ([], "failed", MOST_REDIRECTIONS + 1)


async def test_a_source_that_fails_does_not_cost_the_others(tmp_path: Path) -> None:
    sources = (
        Sitemap("http://a/gone"),
        UrlFile(tmp_path / "nowhere"),
        AccessLog(None),
        OtherGateway("192.0.2.1:9900"),
        UrlList(("http://a/",)),
    )
    urls, reports = await gathered(Site(), *sources)
    assert urls == ["http://a/"]
    assert [report.state for report in reports] == ["failed", "failed", "failed", "failed", "read"]
    assert all(report.notes for report in reports[:4])


async def test_files_are_read(tmp_path: Path) -> None:
    site = Site()
    site.log = tmp_path / "access.log"
    site.log.write_text('{"method": "GET", "scheme": "http", "host": "a", "target": "/log", "status": 200}\nx\n')
    (tmp_path / "list").write_text("http://a/list\n")
    urls, (_, report) = await gathered(site, UrlFile(tmp_path / "list"), AccessLog(None))
    assert urls == ["http://a/list", "http://a/log"]
    assert report.notes == ["1 requests counted, 1 lines passed over"]


async def test_another_gateway_is_asked_page_by_page() -> None:
    site = Site()
    site.rows = [
        [{"key": f"http://a/{number}", "uses": number, "origin_seconds": 1.0} for number in range(begin, begin + 500)]
        for begin in (0, 500)
    ]
    urls, (report,) = await gathered(site, OtherGateway("192.0.2.1:9900", top=3))
    assert urls == ["http://a/999", "http://a/998", "http://a/997"]
    assert site.asked == ["192.0.2.1:9900 0", "192.0.2.1:9900 500"]
    assert report.found == 3


@pytest.mark.parametrize("rows", [{"entries": "none"}, {}])
async def test_what_lists_no_entries_is_no_gateway(rows: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def entries(source: OtherGateway, offset: int) -> Mapping[str, Any]:
        return rows

    site = Site()
    monkeypatch.setattr(site, "entries", entries)
    _, (report,) = await gathered(site, OtherGateway("192.0.2.1:9900"))
    assert report.state == "failed"
