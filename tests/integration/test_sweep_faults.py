"""Sweeps in bad moments: a worker is killed, the configuration changes, the origin wants to be left alone, an end."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

from tests.integration.sweeping import Shop, admin, fill
from tests.support.gateway import Gateway, Settings, before, running, wait_until
from tests.support.origin import Connection, Origin


class Gated(Shop):
    """Pages whose confirmations wait for a gate, once it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.refusals = 0
        """So many questions are answered with 503 first."""
        self.waiting = threading.Semaphore(0)

    def __call__(self, connection: Connection) -> None:
        while (asked := connection.request()) is not None:
            if asked.one(b"if-none-match") is None:
                common = b'ETag: "1"\r\nCache-Control: max-age=600\r\nContent-Length: 2\r\n'
                connection.send(b"HTTP/1.1 200 OK\r\n%b\r\nok" % common)
                continue
            self.waiting.release()
            self.gate.wait(20.0)
            if self.refusals:
                self.refusals -= 1
                connection.send(b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
                continue
            self.confirmed.append(asked.target)
            connection.send(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nCache-Control: max-age=600\r\n\r\n')

    def until_asked(self) -> None:
        """Wait for the first question about what is stored."""
        assert self.waiting.acquire(timeout=20.0)


def settings(url: str) -> Settings:
    return before(url) | {"plugins": [{"cache": {}}], "workers": 2}


def begun(gateway: Gateway, **order: Any) -> str:
    """The path of a sweep that was ordered."""
    answer = admin(gateway, "POST", "/api/sweeps", {"rate": 100_000, "batch": 5, "concurrency": 1, **order})
    assert answer.status == 202
    return f"/api/sweeps/{answer.json()['id']}"


def report(gateway: Gateway, path: str) -> Any:
    """What a sweep has come to, when it is over."""
    wait_until(lambda: admin(gateway, "GET", path).json()["ended_at"] is not None, "the sweep is over", 30.0)
    return admin(gateway, "GET", path).json()


def test_what_a_killed_worker_held_the_other_one_is_asked_about(tmp_path: Path) -> None:
    shop = Gated()
    with Origin(shop) as origin, running(settings(origin.url), tmp_path) as gateway:
        fill(gateway)
        shop.gate.clear()
        path = begun(gateway)
        shop.until_asked()
        os.kill(gateway.workers()[0], signal.SIGKILL)
        shop.gate.set()
        found = report(gateway, path)
        assert found["state"] == "done"
        assert found["report"]["lost"] == 0
        assert found["report"]["looked_at"] == found["progress"]["total"] == 40
        wait_until(lambda: len(gateway.workers()) == 2, "there is another worker")


def test_a_reload_is_nothing_to_a_sweep(tmp_path: Path) -> None:
    shop = Gated()
    with Origin(shop) as origin, running(settings(origin.url), tmp_path) as gateway:
        fill(gateway)
        shop.gate.clear()
        path = begun(gateway)
        shop.until_asked()
        gateway.write(gateway.settings | {"access_log": str(tmp_path / "access")})
        assert admin(gateway, "POST", "/api/reload").status == 200
        shop.gate.set()
        found = report(gateway, path)
        assert (found["state"], found["report"]["lost"], found["report"]["failed"]) == ("done", 0, 0)
        assert found["report"]["confirmed"] + found["report"]["recent"] == 40


def test_an_origin_that_wants_to_be_left_alone_is_asked_again_later(tmp_path: Path) -> None:
    shop = Gated()
    shop.refusals = 2
    with Origin(shop) as origin, running(settings(origin.url), tmp_path) as gateway:
        fill(gateway)
        path = begun(gateway)
        wait_until(lambda: bool(admin(gateway, "GET", path).json()["progress"]["resting"]), "it rests")
        found = report(gateway, path)
        assert (found["state"], found["report"]["confirmed"], found["report"]["failed"]) == ("done", 40, 0)


def test_the_end_of_the_gateway_is_the_end_of_its_sweeps(tmp_path: Path) -> None:
    shop = Gated()
    with Origin(shop) as origin:
        with running(settings(origin.url) | {"drain": "1s"}, tmp_path) as gateway:
            fill(gateway)
            shop.gate.clear()
            begun(gateway)
            shop.until_asked()
            begun(gateway)
        shop.gate.set()


def test_a_sweep_that_is_cancelled_asks_no_more(tmp_path: Path) -> None:
    shop = Gated()
    with Origin(shop) as origin, running(settings(origin.url), tmp_path) as gateway:
        fill(gateway)
        shop.gate.clear()
        path = begun(gateway)
        shop.until_asked()
        assert admin(gateway, "POST", f"{path}/pause").json()["state"] == "paused"
        assert admin(gateway, "POST", f"{path}/cancel").status == 200
        shop.gate.set()
        found = report(gateway, path)
        assert found["state"] == "cancelled"
        assert found["report"]["looked_at"] <= 10
