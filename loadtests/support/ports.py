"""Free ports of the loopback, and waiting until somebody answers on one."""

import http.client
import socket
import time
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
_PAUSE_SECONDS = 0.02


class MeasuringError(Exception):
    """Something keeps us from measuring, so there is no result, neither good nor bad."""


class NotReadyError(MeasuringError):
    """A process we started ended, or did not answer in time. The text says which, with the end of its log."""


def free_port() -> int:
    """A TCP port nobody listens on at this moment."""
    with socket.socket() as scratch:
        scratch.bind((LOOPBACK, 0))
        port: int = scratch.getsockname()[1]
        return port


def wait_until_answers(
    port: int, target: str, *, timeout: float = 15.0, still_running: Callable[[], str | None] = lambda: None
) -> None:
    """Return once a GET of `target` is answered with 200; a listening socket alone proves nothing about workers.

    `still_running` returns None or the reason to give up. Raises `NotReadyError` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    last = "nothing tried"
    while time.monotonic() < deadline:
        if reason := still_running():
            raise NotReadyError(reason)
        try:
            status = _status(port, target)
            if status == 200:
                return
            last = f"status {status}"
        except (OSError, http.client.HTTPException) as error:
            last = repr(error)
        time.sleep(_PAUSE_SECONDS)
    raise NotReadyError(f"port {port}: no 200 for {target} within {timeout:g} s, last: {last}")


def wait_until_connected(
    port: int, *, timeout: float = 15.0, still_running: Callable[[], str | None] = lambda: None
) -> None:
    """Return once somebody accepts connections on `port`, whatever is spoken there. Raises `NotReadyError`."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if reason := still_running():
            raise NotReadyError(reason)
        try:
            socket.create_connection((LOOPBACK, port), timeout=1.0).close()
            return
        except OSError:
            time.sleep(_PAUSE_SECONDS)
    raise NotReadyError(f"port {port}: nobody accepts connections within {timeout:g} s")


def _status(port: int, target: str) -> int:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2.0)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
