"""However servers of an upstream fail, those that are well answer."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from urllib.parse import quote

import pytest

from loadtests.faulting.origin import Fault, FaultyOrigin
from loadtests.support.name_server import NameServer
from loadtests.support.ports import LOOPBACK
from tests.integration.faults.faults import scene
from tests.support.client import request
from tests.support.gateway import before, running, wait_until


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.HANG, Fault.ERROR])
def test_a_server_that_checks_find_bad_gets_nothing_until_it_is_well_again(tmp_path: Path, fault: Fault) -> None:
    with scene(tmp_path, workers=2) as stage:
        stage.origins[0].behave(fault)
        stage.wait_for("unhealthy", "0")
        calls = stage.origins[0].calls
        assert stage.served_by(12) == {"1", "2"}
        assert stage.origins[0].calls == calls
        stage.origins[0].behave(Fault.NONE)
        stage.wait_for("healthy", "0")
        wait_until(lambda: "0" in stage.served_by(3), "the server gets requests again")


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.RESET])
def test_without_checks_real_requests_find_out(tmp_path: Path, fault: Fault) -> None:
    with scene(tmp_path, health="off", ejection={"failures": 3, "time": "1h", "max_time": "1h"}) as stage:
        stage.origins[0].behave(fault)
        wait_until(lambda: stage.servers()["0"]["ejected_by"] == 1 or not stage.statuses(3), "the server is left out")
        assert stage.served_by(12) == {"1", "2"}
        assert stage.gateway.metric("slipstream_upstream_ejections_total", reason="failures") == 1
        assert stage.origins[0].calls == 3


def test_when_all_are_bad_all_are_used_and_the_first_that_is_well_answers(tmp_path: Path) -> None:
    with scene(tmp_path) as stage:
        for origin in stage.origins:
            origin.behave(Fault.ERROR)
        stage.wait_for("unhealthy", "0", "1", "2")
        assert set(stage.statuses(6)) == {503}
        wait_until(lambda: stage.gateway.metric("slipstream_upstream_panic") == 1, "panic is shown")
        stage.origins[2].behave(Fault.NONE)
        stage.wait_for("healthy", "2")
        assert stage.served_by(6) == {"2"}


def test_without_panic_a_bad_upstream_is_not_asked_at_all(tmp_path: Path) -> None:
    with scene(tmp_path, panic=0) as stage:
        for origin in stage.origins:
            origin.behave(Fault.HANG)
        stage.wait_for("unhealthy", "0", "1", "2")
        calls = sum(origin.calls for origin in stage.origins)
        refused = stage.gateway.get("/")
        assert (refused.status, refused.one(b"retry-after")) == (503, b"1")
        assert b"error=destination_unavailable" in (refused.one(b"proxy-status") or b"")
        assert sum(origin.calls for origin in stage.origins) == calls


def test_servers_that_restart_one_by_one_cost_no_request(tmp_path: Path) -> None:
    with scene(tmp_path) as stage:
        for origin in stage.origins:
            origin.behave(Fault.REFUSE)
            assert set(stage.statuses(20)) == {200}
            origin.behave(Fault.NONE)
            stage.wait_for("healthy", origin.name)


def test_a_drained_server_ends_what_it_has_and_gets_no_more(tmp_path: Path) -> None:
    with scene(tmp_path, workers=2) as stage:
        url = quote(stage.origins[1].url, safe="")
        shown = stage.gateway.admin("POST", f"/api/upstreams/app/servers/{url}/drain")
        assert (shown.status, shown.json()["state"]) == (200, "draining")
        calls = stage.origins[1].calls
        assert stage.served_by(12) == {"0", "2"}
        assert stage.origins[1].calls == calls
        reload = stage.gateway.admin("POST", "/api/reload")
        assert reload.status == 200
        assert stage.served_by(12) == {"0", "2"}
        assert stage.gateway.admin("POST", f"/api/upstreams/app/servers/{url}/resume").json()["state"] == "healthy"
        wait_until(lambda: "1" in stage.served_by(6), "the server gets requests again")


def test_what_cannot_be_drained_is_told(tmp_path: Path) -> None:
    with scene(tmp_path, health="off") as stage:
        for path in ("/api/upstreams/app/servers/http%3A%2F%2Fnobody/drain", "/api/upstreams/no/servers/x/resume"):
            told = stage.gateway.admin("POST", path)
            assert (told.status, told.json()["status"]) == (404, 404)


def test_a_worker_that_is_started_anew_knows_who_is_bad(tmp_path: Path) -> None:
    with scene(tmp_path) as stage:
        stage.origins[0].behave(Fault.ERROR)
        stage.wait_for("unhealthy", "0")
        calls = stage.origins[0].calls
        (pid,) = stage.gateway.workers()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: stage.gateway.workers() not in ([], [pid]) and stage.gateway.is_ready(), "another worker")
        assert stage.served_by(12) == {"1", "2"}
        assert stage.origins[0].calls == calls


def test_servers_of_a_name_come_and_go_with_its_addresses(tmp_path: Path) -> None:
    with FaultyOrigin("0", LOOPBACK) as one, FaultyOrigin("1", "127.0.0.2", one.port) as two, NameServer() as names:
        names.ttl = 1
        names.records["app.test", "A"] = ["127.0.0.1"]
        settings = before(f"dns+http://app.test:{one.port}", dns_servers=[names.address])
        with running(settings, tmp_path) as gateway:
            assert gateway.get("/").one(b"x-served-by") == b"0"
            names.records["app.test", "A"] = ["127.0.0.2"]
            wait_until(lambda: gateway.get("/").one(b"x-served-by") == b"1", "the new address is used")
            names.records.clear()
            asked = names.asked
            wait_until(lambda: names.asked > asked + 4, "the name is asked for again")
            assert gateway.get("/").one(b"x-served-by") == b"1"
            assert two.answers > 0


def test_servers_of_a_file_come_and_go_with_it(tmp_path: Path) -> None:
    file = tmp_path / "servers.yaml"
    with scene(tmp_path / "scene", health="off") as stage:
        file.write_text(f"servers: [{stage.origins[0].url}]")
        with running(before(f"file:{file}"), tmp_path / "gateway") as gateway:
            assert gateway.get("/").one(b"x-served-by") == b"0"
            file.write_text(f"servers: [{stage.origins[1].url}]")
            wait_until(lambda: gateway.get("/").one(b"x-served-by") == b"1", "the other server is used")
            file.write_text("servers: [nonsense]")
            key = f"file:{file}"
            wait_until(lambda: "must be" in gateway.status()["upstreams"]["app"]["sources"][key], "it is told")
            assert gateway.get("/").one(b"x-served-by") == b"1"


def test_a_client_that_wrote_reads_what_it_wrote(tmp_path: Path) -> None:
    with scene(tmp_path, health="off") as stage:
        zero, one, two = (origin.url for origin in stage.origins)
        upstream = before(zero, replicas=[one, two], read_your_writes={"window": "1h"}) | {"workers": 2}
        with running(upstream, tmp_path / "gateway") as gateway:
            assert {gateway.get("/").one(b"x-served-by") for _ in range(8)} <= {b"1", b"2"}
            with gateway.client() as client:
                client.send(request("POST", "/", body=b""))
                written = client.answer("POST")
            assert written.one(b"x-served-by") == b"0"
            cookie = (written.one(b"set-cookie") or b"").decode().partition(";")[0]
            assert {gateway.get("/", f"Cookie: {cookie}").one(b"x-served-by") for _ in range(8)} == {b"0"}
            assert b"0" not in {gateway.get("/").one(b"x-served-by") for _ in range(8)}
