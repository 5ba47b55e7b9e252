"""The configuration of HAProxy."""

from loadtests.bench.haproxy import configuration


def test_it_has_one_thread_reuses_connections_and_writes_no_log() -> None:
    lines = [line.strip() for line in configuration(18080, 18000).splitlines()]
    assert "nbthread 1" in lines
    assert "http-reuse always" in lines
    assert "bind 127.0.0.1:18080 backlog 4096" in lines
    assert [line for line in lines if line.startswith(("log ", "daemon"))] == []
    assert [line for line in lines if "cache" in line] == []


def test_as_a_cache_it_keeps_what_varies_and_what_is_large_and_leaves_a_304_alone() -> None:
    lines = [line.strip() for line in configuration(18080, 18000, caches=True).splitlines()]
    assert {"process-vary on", "max-object-size 262144", "http-request cache-use stored"} <= set(lines)
    assert lines.index("cache stored") < lines.index("frontend downstream")
    assert [line for line in lines if "Content-Length" in line] == []


def test_its_304_is_without_a_length_when_the_load_generator_would_wait_for_content() -> None:
    text = configuration(18080, 18000, caches=True, bare_304=True)
    assert "http-after-response del-header Content-Length if { status 304 }" in text


def test_it_codes_when_it_is_told_to_behind_its_cache() -> None:
    lines = [line.strip() for line in configuration(18080, 18000, caches=True, codes=True).splitlines()]
    assert lines.index("filter cache stored") < lines.index("filter compression")
    assert "compression algo gzip" in lines
    alone = configuration(18080, 18000, codes=True)
    assert "filter compression" in alone
    assert "filter cache" not in alone
