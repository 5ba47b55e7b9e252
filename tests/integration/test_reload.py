"""A new configuration takes effect without a failed request; a bad one changes nothing and is told."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import request
from tests.support.gateway import Gateway, Settings, before, running, wait_until
from tests.support.load import Load
from tests.support.origin import Origin
from tests.support.replies import well_behaved


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin(well_behaved) as origin:
        yield origin


@pytest.fixture(scope="module")
def gateway(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = before(origin.url, host="first.test") | {"workers": 2}
    with running(settings, tmp_path_factory.mktemp("reload")) as gateway:
        yield gateway


def _naming(gateway: Gateway, host: str) -> Settings:
    """The gateway's settings, with the host that the origin sees for a mark."""
    app: Settings = gateway.settings["upstreams"]["app"]
    return gateway.settings | {"upstreams": {"app": app | {"host": host}}}


def _host(gateway: Gateway) -> str:
    """The mark of the configuration that answers."""
    fields: dict[str, str] = dict(gateway.get("/").json()["fields"])
    return fields["host"]


def _last(gateway: Gateway) -> Any:
    return gateway.status()["last_reload"]


def _reload(gateway: Gateway, text: Settings | str) -> Any:
    """Write and hang up; returns the report of that reload."""
    earlier = _last(gateway)
    gateway.write(text)
    gateway.send_signal(signal.SIGHUP)
    wait_until(lambda: _last(gateway)["at"] != earlier["at"], "the reload is reported")
    return _last(gateway)


def test_a_new_configuration_is_used_by_all_workers(gateway: Gateway) -> None:
    workers = gateway.workers()
    assert _reload(gateway, _naming(gateway, "hangup.test"))["result"] == "applied"
    assert {_host(gateway) for _ in range(20)} == {"hangup.test"}
    assert sorted(gateway.workers()) == sorted(workers)


def test_kept_connections_use_the_new_configuration(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.get("/")
        _reload(gateway, _naming(gateway, "kept.test"))
        assert ["host", "kept.test"] in client.get("/").json()["fields"]


def test_an_exchange_under_way_is_finished(gateway: Gateway, origin: Origin) -> None:
    origin.release.clear()
    with gateway.client() as client:
        client.send(request("GET", "/events"))
        client.wire.line()
        _reload(gateway, _naming(gateway, "meanwhile.test"))
        origin.release.set()
        client.wire.fields()
        assert b"".join(client.wire.chunks([])) == b"data: first\n\ndata: second\n\n"


def test_a_changed_file_is_noticed_by_itself(gateway: Gateway) -> None:
    gateway.write(_naming(gateway, "noticed.test"))
    wait_until(lambda: _host(gateway) == "noticed.test", "the changed file is in use")


def test_a_reload_may_be_asked_for(gateway: Gateway) -> None:
    gateway.write(_naming(gateway, "asked.test"))
    got = gateway.admin("POST", "/api/reload", "Content-Length: 0")
    assert (got.status, got.json()["result"]) == (200, "applied")
    assert _host(gateway) == "asked.test"


_MISTAKES = """\
listen: 127.0.0.1:notaport
workers: none
upstreams:
  app:
    servers: [http://127.0.0.1:8000]
    timeouts: {conect: 1s}
limits:
  head: 3
  fields: many
unknown: 1
"""


def test_a_bad_file_changes_nothing_and_is_told(gateway: Gateway) -> None:
    assert _reload(gateway, _naming(gateway, "good.test"))["result"] == "applied"
    generation = gateway.status()["generation"]
    report = _reload(gateway, _MISTAKES)
    assert report["result"] != "applied"
    told = json.dumps(report["mistakes"])
    for place in ("listen", "workers", "conect", "fields", "unknown"):
        assert place in told
    assert len(report["mistakes"]) >= 5
    assert gateway.status()["generation"] == generation
    assert _host(gateway) == "good.test"
    assert gateway.is_ready()
    got = gateway.admin("POST", "/api/reload", "Content-Length: 0")
    assert got.status == 422
    assert gateway.metric("slipstream_config_reloads_total", result="applied") >= 1
    assert _reload(gateway, _naming(gateway, "mended.test"))["result"] == "applied"
    assert _host(gateway) == "mended.test"


@pytest.mark.parametrize(
    "text", ["", "a: [", "\x00", "- 1\n- 2\n", "upstreams: &a {b: *a}\n", "!!python/object:os.x {}"]
)
def test_no_text_harms_a_running_gateway(gateway: Gateway, text: str) -> None:
    assert _reload(gateway, text)["result"] != "applied"
    assert gateway.get("/").status == 200


def test_a_file_that_is_gone_or_unreadable_changes_nothing(gateway: Gateway) -> None:
    _reload(gateway, _naming(gateway, "there.test"))
    host, earlier = _host(gateway), _last(gateway)
    gateway.file.unlink()
    gateway.send_signal(signal.SIGHUP)
    wait_until(lambda: _last(gateway)["at"] != earlier["at"], "the missing file is reported")
    assert _last(gateway)["result"] != "applied"
    assert _host(gateway) == host
    gateway.write(_naming(gateway, "again.test"))
    wait_until(lambda: _last(gateway)["result"] == "applied", "the file is back in use")


def test_no_request_fails_while_configurations_change(gateway: Gateway) -> None:
    generation = gateway.status()["generation"]
    with Load(gateway) as load:
        deadline = time.monotonic() + 3
        number = 0
        while time.monotonic() < deadline:
            number += 1
            gateway.write("nonsense" if number % 3 == 0 else _naming(gateway, f"round{number}.test"))
            gateway.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        gateway.write(_naming(gateway, "final.test"))
        gateway.send_signal(signal.SIGHUP)
        wait_until(lambda: _host(gateway) == "final.test", "the last configuration is in use")
    assert load.failures == []
    assert set(load.statuses) == {200}
    assert load.answered > 50
    assert gateway.status()["generation"] > generation


def test_a_folder_swapped_by_a_symbolic_link_is_noticed(origin: Origin, tmp_path: Path) -> None:
    """The way Kubernetes replaces a mounted ConfigMap: `..data` moves to another folder in one step."""
    mounted = tmp_path / "mounted"
    with running(before(origin.url, host="one.test"), mounted) as gateway:
        for name in ("one", "two"):
            (mounted / f"..{name}").mkdir()
            (mounted / f"..{name}" / "config.yaml").write_text(json.dumps(_naming(gateway, f"{name}.test")))
        (mounted / "..data").symlink_to("..one")
        gateway.file.unlink()
        gateway.file.symlink_to("..data/config.yaml")
        assert _host(gateway) == "one.test"
        (mounted / "..next").symlink_to("..two")
        os.replace(mounted / "..next", mounted / "..data")
        wait_until(lambda: _host(gateway) == "two.test", "the other folder's file is in use")


def test_the_number_of_workers_may_change(origin: Origin, tmp_path: Path) -> None:
    with running(before(origin.url), tmp_path) as gateway:
        with Load(gateway, clients=2) as load:
            assert _reload(gateway, gateway.settings | {"workers": 3})["result"] == "applied"
            wait_until(lambda: len(gateway.workers()) == 3, "three workers run")
            assert _reload(gateway, gateway.settings | {"workers": 1})["result"] == "applied"
            wait_until(lambda: len(gateway.workers()) == 1, "one worker runs")
        assert load.failures == []
        assert set(load.statuses) == {200}


def test_an_address_that_cannot_change_now_is_told(gateway: Gateway) -> None:
    report = _reload(gateway, _naming(gateway, "moved.test") | {"listen": "127.0.0.1:1"})
    assert "listen" in json.dumps(report)
    assert gateway.get("/").status == 200
    _reload(gateway, _naming(gateway, "back.test"))
