from pathlib import Path
from typing import Any

import pytest

from gateway.config.warming import WarmingSettings
from gateway.warming.cursor import Cursor
from gateway.warming.order import (
    AccessLog,
    OrderError,
    OtherGateway,
    Sitemap,
    UrlFile,
    UrlList,
    before_ready,
    read_order,
)
from gateway.warming.pace import Speed

SETTINGS = WarmingSettings.model_validate({"rate": 20, "concurrency": 3, "fields": {"Accept": "text/html"}})


def order(**document: Any) -> Any:
    return read_order({"sources": [{"urls": ["http://a/"]}], **document}, SETTINGS)


def test_what_an_order_does_not_say_the_settings_do() -> None:
    assert order().speed == Speed(20.0, 3)
    assert order(rate=5, concurrency=1).speed == Speed(5.0, 1)
    assert order(rate="off").speed == Speed(None, 3)


def test_fields_are_laid_over_those_of_the_settings() -> None:
    assert order(fields={"X-A": "1"}).fields == (("Accept", "text/html"), ("X-A", "1"))
    assert order(fields={"accept": "*/*"}).fields == (("accept", "*/*"),)


def test_every_kind_of_source_is_read() -> None:
    sources = [
        {"urls": ["http://a/1", "http://a/2"]},
        {"sitemap": "https://a/sitemap.xml"},
        {"access_log": True, "top": 5, "base": "https://a/"},
        {"entries": "192.0.2.1:9900", "token": "secret"},
    ]
    assert order(sources=sources).sources == (
        UrlList(("http://a/1", "http://a/2")),
        Sitemap("https://a/sitemap.xml"),
        AccessLog(None, 5, "https://a"),
        OtherGateway("192.0.2.1:9900", "secret", top=1000),
    )


def test_a_cursor_is_read() -> None:
    cursor = Cursor.of(["http://a/"], 1)
    assert order(cursor=str(cursor)).cursor == cursor


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "JSON object"),
        ({}, "sources"),
        ({"sources": []}, "at least 1"),
        ({"sources": [{}]}, "exactly one of urls, sitemap, access_log, entries"),
        ({"sources": [{"urls": ["http://a/"], "sitemap": "http://a/"}]}, "exactly one"),
        ({"sources": [{"urls": []}]}, "urls"),
        ({"sources": [{"urls": "/etc/passwd"}]}, "urls"),
        ({"sources": [{"access_log": "/etc/passwd"}]}, "access_log"),
        ({"sources": [{"access_log": False}]}, "is true"),
        ({"sources": [{"sitemap": "/etc/passwd"}]}, "must be a URL"),
        ({"sources": [{"entries": "nowhere"}]}, "has no port"),
        ({"sources": [{"entries": "unix:/run/docker.sock"}]}, "only the configuration may name files"),
        ({"sources": [{"sitemap": "http://a/", "colour": 1}]}, "colour"),
        ({"sources": [{"sitemap": "http://a/"}], "rate": 0}, "rate"),
        ({"sources": [{"sitemap": "http://a/"}], "concurrency": 1000}, "concurrency"),
        ({"sources": [{"sitemap": "http://a/"}], "fields": {"Content-Length": "1"}}, "the gateway writes it itself"),
        ({"sources": [{"sitemap": "http://a/"}], "fields": {"A": "b\r\nC: d"}}, "is no value"),
        ({"sources": [{"sitemap": "http://a/"}], "cursor": "7"}, "is no cursor"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(document: Any, words: str) -> None:
    with pytest.raises(OrderError) as refused:
        read_order(document, SETTINGS)
    assert words in str(refused.value)


def test_the_configuration_may_name_files() -> None:
    settings = WarmingSettings.model_validate(
        {
            "before_ready": {
                "sources": [
                    {"urls": "/etc/urls.txt"},
                    {"sitemap": "http://a/sitemap.xml"},
                    {"access_log": "/var/log/a.log", "top": 7, "base": "http://a"},
                    {"entries": "192.0.2.1:9900", "token": "OTHER_TOKEN"},
                ]
            }
        }
    )
    assert settings.before_ready is not None
    found = before_ready(settings.before_ready, settings)
    assert found.sources == (
        UrlFile(Path("/etc/urls.txt")),
        Sitemap("http://a/sitemap.xml"),
        AccessLog(Path("/var/log/a.log"), 7, "http://a"),
        OtherGateway("192.0.2.1:9900", variable="OTHER_TOKEN"),
    )
    assert [source.describe() for source in found.sources] == [
        "urls of /etc/urls.txt",
        "sitemap http://a/sitemap.xml",
        "access log /var/log/a.log",
        "entries of 192.0.2.1:9900",
    ]
