"""A little steady traffic, to see whether anything fails while something else happens."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Self

from tests.support.client import Client
from tests.support.gateway import Gateway
from tests.support.socket_errors import GONE
from tests.support.wire import WireError


class Load:
    """Clients on kept connections, each asking one thing after the other for the length of a block."""

    def __init__(self, gateway: Gateway, clients: int = 4, target: str = "/") -> None:
        self.statuses: Counter[int] = Counter()
        self.failures: list[str] = []
        """What went wrong with requests that got no answer."""
        self._gateway = gateway
        self._target = target
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def answered(self) -> int:
        """Answers so far."""
        return self.statuses.total()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._gateway.client() as client:
                    self._ask(client)
            except (WireError, TimeoutError, ConnectionError, *GONE) as error:
                self.failures.append(repr(error))

    def _ask(self, client: Client) -> None:
        while not self._stopping.is_set():
            got = client.get(self._target)
            self.statuses[got.status] += 1
            if got.closes:
                return
