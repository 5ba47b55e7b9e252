"""Three origins that break as they are told to, and a gateway before them whose state is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from loadtests.faulting.gateway import CHECKS
from loadtests.faulting.origin import FaultyOrigin
from tests.support.gateway import Gateway, running, wait_until

PATIENT = {"connect": "5s", "first_byte": "10s", "total": "20s"}
"""Longer than anything takes on a slow machine: what is seen in time is seen by something else than these."""


class Scene:
    """A gateway before origins."""

    def __init__(self, gateway: Gateway, origins: Sequence[FaultyOrigin]) -> None:
        self.gateway = gateway
        self.origins = origins

    def servers(self) -> dict[str, dict[str, Any]]:
        """How each server stands, by the name of its origin."""
        shown = self.gateway.admin("GET", "/api/upstreams").json()["app"]["servers"]
        names = {origin.url: origin.name for origin in self.origins}
        return {names[each["url"]]: each for each in shown if each["url"] in names}

    def wait_for(self, state: str, *names: str) -> None:
        """Wait until these origins are in that state."""
        wait_until(
            lambda: all(self.servers()[name]["state"] == state for name in names), f"{names} are {state}", patience=30
        )

    def statuses(self, count: int, target: str = "/", *fields: str) -> list[int]:
        """Statuses of so many requests, one after the other on one connection."""
        with self.gateway.client() as client:
            return [client.get(target, *fields).status for _ in range(count)]

    def served_by(self, count: int, target: str = "/", *fields: str) -> set[str]:
        """Who answered so many requests."""
        with self.gateway.client() as client:
            answers = [client.get(target, *fields) for _ in range(count)]
        assert {answer.status for answer in answers} == {200}
        return {(answer.one(b"x-served-by") or b"").decode() for answer in answers}


@contextmanager
def scene(directory: Path, *, plugins: Sequence[Any] = (), workers: int = 1, **upstream: Any) -> Iterator[Scene]:
    """Three origins that are all healthy, and a gateway before them."""
    with ExitStack() as stack:
        origins = [stack.enter_context(FaultyOrigin(str(number))) for number in range(3)]
        settings = {
            "workers": workers,
            "plugins": list(plugins),
            "upstreams": {
                "app": {
                    "servers": [origin.url for origin in origins],
                    "balance": "round_robin",
                    "health": CHECKS | {"timeout": "2s", "every": "200ms", "recheck": "100ms"},
                    "ejection": "off",
                    "timeouts": PATIENT,
                    **upstream,
                }
            },
        }
        found = Scene(stack.enter_context(running(settings, directory)), origins)
        if upstream.get("health") != "off":
            wait_until(lambda: all(origin.checks for origin in origins), "every origin was checked")
            found.wait_for("healthy", "0", "1", "2")
        yield found
