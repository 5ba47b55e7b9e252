"""A real gateway process on free ports, started from a configuration and ended by SIGTERM.

Whoever ends it checks how it ended: the exit code is 0 and nothing it wrote holds a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.ports import free_port

Settings = dict[str, Any]

START_PATIENCE = 30.0
STOP_PATIENCE = 20.0
_ROOT = Path(__file__).parents[2]


class Gateway:
    """A running gateway."""

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        *,
        prefix: Sequence[str] = (),
        token: str | None = None,
    ) -> None:
        self.directory = directory
        self.port = free_port()
        self.admin_port = free_port()
        admin = {"address": f"127.0.0.1:{self.admin_port}"} | ({"token": token} if token else {})
        self.settings: Settings = {"listen": f"127.0.0.1:{self.port}", "admin": admin, "workers": 1} | settings
        self.file = directory / "config.yaml"
        self.write(self.settings)
        self._out = directory / "stdout"
        self._err = directory / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "gateway", "run", "-c", str(self.file)],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens for requests, when the settings left that to this class."""
        return ("127.0.0.1", self.port)

    def write(self, settings: Settings | str) -> None:
        """Replace the configuration file in one step. JSON is YAML, so there is nothing to render."""
        beside = self.file.with_suffix(".new")
        beside.write_text(settings if isinstance(settings, str) else json.dumps(settings, indent=2))
        beside.replace(self.file)

    def client(self, **options: Any) -> Client:
        """A new connection to it."""
        return Client(self.address, **options)

    def get(self, target: str, *fields: str) -> Answer:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.get(target, *fields)

    def admin(self, method: str, path: str, *fields: str, host: str | None = None) -> Answer:
        """One request to the admin application."""
        with Client(("127.0.0.1", self.admin_port)) as client:
            client.send(
                request(method, path, "Connection: close", *fields, host=host or f"127.0.0.1:{self.admin_port}")
            )
            return client.answer(method)

    def status(self) -> Any:
        """What `/api/status` says."""
        return self.admin("GET", "/api/status").json()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        total = 0.0
        for line in self.admin("GET", "/metrics").body.decode().splitlines():
            sample, _, value = line.rpartition(" ")
            if sample.partition("{")[0] == name and all(f'{key}="{text}"' in sample for key, text in labels.items()):
                total += float(value)
        return total

    def workers(self) -> list[int]:
        """Process ids of its workers, as the system knows them."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"gateway.worker" in _command(int(pid))]

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor alone."""
        self.process.send_signal(number)

    def output(self) -> str:
        """All it has written so far."""
        return self._out.read_text(errors="replace") + self._err.read_text(errors="replace")

    def is_ready(self) -> bool:
        """What `/ready` says."""
        try:
            return self.admin("GET", "/ready").status == 200
        except (OSError, AssertionError):
            return False

    def wait_until_ready(self) -> None:
        """Wait for the first readiness; says what the gateway wrote when there is none."""
        wait_until(
            lambda: self.is_ready() or self.process.poll() is not None, "the gateway is ready or ended", START_PATIENCE
        )
        assert self.process.poll() is None, (
            f"ended with {self.process.returncode} instead of getting ready:\n{self.output()}"
        )

    def wait(self, patience: float = STOP_PATIENCE) -> int:
        """Wait for its end; killed when that takes too long."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {patience:g} s:\n{self.output()}") from None

    def kill(self) -> None:
        """End supervisor and workers at once; they share a process group of their own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, mistake: str | None = None) -> None:
        """SIGTERM, and a check of how it ends. Tracebacks are those of `mistake` alone."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.wait()
        written = self.output()
        unexpected = [
            line for line in written.splitlines() if "Traceback" in line and not (mistake and mistake in line)
        ]
        assert not unexpected, written
        assert code == 0, f"exit code {code}:\n{written}"


@contextlib.contextmanager
def running(
    settings: Settings,
    directory: Path,
    *,
    prefix: Sequence[str] = (),
    token: str | None = None,
    mistake: str | None = None,
) -> Iterator[Gateway]:
    """A gateway for the length of a block. `mistake` is what the log may have tracebacks of."""
    directory.mkdir(parents=True, exist_ok=True)
    gateway = Gateway(settings, directory, prefix=prefix, token=token)
    try:
        gateway.wait_until_ready()
        yield gateway
        gateway.stop(mistake)
    finally:
        gateway.kill()


def before(*urls: str, **upstream: Any) -> Settings:
    """Settings of a gateway before one upstream."""
    return {"upstreams": {"app": {"servers": list(urls), **upstream}}}


def wait_until(holds: Callable[[], bool], what: str, patience: float = 10.0) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"waited {patience:g} s in vain until {what}"
        time.sleep(0.02)


def resident_octets(pid: int) -> int:
    """Memory of a process that is its own or shared, in octets."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_resident_octets(pid: int) -> int:
    """The most memory a process has ever had, in octets."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
