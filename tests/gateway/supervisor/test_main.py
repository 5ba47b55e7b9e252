import json
import signal
import socket
from pathlib import Path

import pytest

from tests.gateway.supervisor.harness import config_text, lives, running


def test_it_gets_ready_and_ends_with_0_after_sigterm(tmp_path: Path) -> None:
    with running(tmp_path / "config.yaml", config_text(workers=2)) as gateway:
        gateway.until_ready()
        pids = gateway.worker_pids()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        assert "Traceback" not in gateway.log
    assert not any(lives(pid) for pid in pids)


def test_without_a_terminal_every_line_of_its_log_is_json(tmp_path: Path) -> None:
    with running(tmp_path / "config.yaml", config_text()) as gateway:
        gateway.until_ready()
        gateway.signal(signal.SIGINT)
        assert gateway.wait() == 0
        events = [json.loads(line)["event"] for line in gateway.log.splitlines()]
    assert {"gateway ready", "worker ready", "draining"} <= set(events)


def test_a_configuration_with_mistakes_ends_with_1_and_shows_them(tmp_path: Path) -> None:
    with running(tmp_path / "config.yaml", config_text(more="wrokers: 2\n")) as gateway:
        assert gateway.wait() == 1
        assert "did you mean 'workers'?" in gateway.log
        assert "^" in gateway.log


@pytest.mark.parametrize("which", ["listen", "admin"])
def test_an_address_in_use_ends_with_1_and_is_named(tmp_path: Path, which: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        text = config_text().replace(f"{which}: 127.0.0.1:0", f"{which}: {address}")
        with running(tmp_path / "config.yaml", text) as gateway:
            assert gateway.wait() == 1
            assert f"cannot listen on {address}: the address is in use" in gateway.log


def test_a_worker_that_refuses_the_first_configuration_ends_it_with_1_and_its_reason(tmp_path: Path) -> None:
    with running(tmp_path / "config.yaml", config_text("refused")) as gateway:
        assert gateway.wait() == 1
        assert "cannot start\nplugin x cannot reach its store" in gateway.log


def test_workers_that_die_before_any_was_ready_end_it_with_1(tmp_path: Path) -> None:
    with running(tmp_path / "config.yaml", config_text("crash")) as gateway:
        assert gateway.wait() == 1
        assert "a worker ended before it was ready (exit 3)" in gateway.log


def test_sigterm_during_the_start_ends_it_with_0(tmp_path: Path) -> None:
    with running(tmp_path / "config.yaml", config_text("hang")) as gateway:
        gateway.until(lambda: gateway.admin("/live")[0] == 200)
        assert gateway.admin("/ready")[0] == 503
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0


def test_a_request_in_flight_is_answered_while_it_drains_and_readiness_has_turned(tmp_path: Path) -> None:
    with running(tmp_path / "config.yaml", config_text()) as gateway:
        gateway.until_ready()
        with gateway.connect("/slow") as connection:
            gateway.until(lambda: gateway.admin("/api/status")[1]["workers"][0]["connections"])
            gateway.signal(signal.SIGTERM)
            gateway.until(lambda: gateway.admin("/ready")[0] == 503)
            assert gateway.admin("/ready")[1]["reasons"][0] == "the gateway is draining and will stop"
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
        assert gateway.wait() == 0


def test_what_outlives_the_drain_time_is_cut_and_said(tmp_path: Path) -> None:
    text = config_text().replace("drain: 2s", "drain: 100ms")
    with running(tmp_path / "config.yaml", text) as gateway:
        gateway.until_ready()
        with gateway.connect("/forever"):
            gateway.until(lambda: gateway.admin("/api/status")[1]["workers"][0]["connections"])
            gateway.signal(signal.SIGTERM)
            assert gateway.wait() == 0
        assert "exchanges were cut at the end of the drain time" in gateway.log


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    text = config_text().replace("drain: 2s", "drain: 1h")
    with running(tmp_path / "config.yaml", text) as gateway:
        gateway.until_ready()
        pids = gateway.worker_pids()
        with gateway.connect("/forever"):
            gateway.until(lambda: gateway.admin("/api/status")[1]["workers"][0]["connections"])
            gateway.signal(signal.SIGTERM)
            gateway.until(lambda: gateway.admin("/ready")[0] == 503)
            gateway.signal(signal.SIGTERM)
            assert gateway.wait() == 128 + signal.SIGTERM
    assert not any(lives(pid) for pid in pids)


def test_ctrl_c_at_a_terminal_does_not_reach_the_workers(tmp_path: Path) -> None:
    with running(tmp_path / "config.yaml", config_text()) as gateway:
        gateway.until_ready()
        fields = Path(f"/proc/{gateway.worker_pids()[0]}/stat").read_text().rpartition(")")[2].split()
        assert int(fields[2]) == gateway.worker_pids()[0]  # a process group of its own


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    with running(tmp_path / "config.yaml", config_text(workers=2)) as gateway:
        gateway.until_ready()
        pids = gateway.worker_pids()
        gateway.process.kill()
        gateway.process.wait()
        for _ in range(500):
            if not any(lives(pid) for pid in pids):
                break
            signal.sigtimedwait([], 0.02)
        assert not any(lives(pid) for pid in pids)


def test_sighup_reads_the_configuration_again(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with running(path, config_text()) as gateway:
        gateway.until_ready()
        path.write_text(path.read_text().replace("name: one", "name: two"))
        gateway.signal(signal.SIGHUP)
        gateway.until(lambda: gateway.admin("/api/status")[1]["last_reload"]["trigger"] in ("signal", "file"))
        assert gateway.admin("/api/config")[1]["name"] == "two"
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0


def test_a_file_that_changed_is_read_without_being_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with running(path, config_text()) as gateway:
        gateway.until_ready()
        replacement = tmp_path / "next.yaml"
        replacement.write_text(path.read_text().replace("name: one", "name: two"))
        replacement.rename(path)
        gateway.until(lambda: gateway.admin("/api/status")[1]["generation"] == 2)
        assert gateway.admin("/api/status")[1]["last_reload"]["trigger"] == "file"
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
