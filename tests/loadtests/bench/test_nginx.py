"""The configuration of nginx."""

from pathlib import Path

import pytest

from loadtests.bench.nginx import configuration


@pytest.mark.parametrize("caches", [False, True])
def test_every_path_is_in_the_directory_of_the_peer(caches: bool) -> None:
    text = configuration(18080, 18000, Path("/scratch"), 512, caches=caches)
    paths = [word for word in text.replace(";", " ").split() if word.startswith("/") and word != "/"]
    assert paths
    assert [path for path in paths if not path.startswith("/scratch/")] == []


def test_it_streams_keeps_connections_and_writes_no_access_log() -> None:
    text = configuration(18080, 18000, Path("/scratch"), 512)
    for wanted in ("proxy_request_buffering off;", "keepalive 512;", "access_log off;", "worker_processes 1;"):
        assert wanted in text
    assert text.count("{") == text.count("}")
    assert "cache" not in text


def test_as_a_cache_it_keeps_its_files_open() -> None:
    text = configuration(18080, 18000, Path("/scratch"), 512, caches=True)
    for wanted in ("proxy_cache stored;", "keys_zone=stored:16m", "open_file_cache max=12000 inactive=1h;"):
        assert wanted in text
    assert text.count("{") == text.count("}")


def test_it_codes_when_it_is_told_to() -> None:
    text = configuration(18080, 18000, Path("/scratch"), 512, codes=True)
    for wanted in ("gzip on;", "gzip_types application/json;", "gzip_proxied any;"):
        assert wanted in text
    assert text.count("{") == text.count("}")
    assert "gzip" not in configuration(18080, 18000, Path("/scratch"), 512)
