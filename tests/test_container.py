"""The container image, as far as it can be known without a container engine."""

import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.support import dockerfile
from tests.support.source import ROOT


def test_what_the_dockerfile_copies_exists_and_is_not_ignored() -> None:
    copied = dockerfile.copied(dockerfile.instructions())
    assert "gateway" in copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"}
    assert set(copied) == allowed


def test_the_image_runs_as_a_numeric_user_without_root() -> None:
    (user,) = dockerfile.arguments("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_the_image_installs_only_pinned_packages() -> None:
    installs = [step for run in dockerfile.arguments("RUN") for step in run.split("&&") if " install " in step]
    assert installs
    assert [step for step in installs if "--require-hashes" not in step and "--no-index --no-deps" not in step] == []


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1)])
def test_the_health_check_believes_the_live_page(status: int, expected: int) -> None:
    asked: list[str] = []

    class Admin(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Admin) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        outcome = run_health_check(f"127.0.0.1:{server.server_port}")
        thread.join()
    assert asked == ["/live"]
    assert outcome == expected


def test_the_health_check_fails_when_nobody_answers() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        port = server.server_port
    assert run_health_check(f"127.0.0.1:{port}") != 0


def run_health_check(admin: str) -> int:
    _, *arguments = dockerfile.health_check()
    environment = {**os.environ, "SLIPSTREAM_ADMIN": admin}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=False).returncode
