"""A shop whose pages two workers hold, and an administrator who has them swept."""

import json
from typing import Any

from tests.support.answer import Answer
from tests.support.client import Client, request
from tests.support.gateway import Gateway, wait_until
from tests.support.origin import Connection

PAGES = 40


class Shop:
    """Pages with a version for all of them."""

    def __init__(self) -> None:
        self.version = 1
        self.confirmed: list[bytes] = []
        self.whole: list[bytes] = []

    def __call__(self, connection: Connection) -> None:
        while (asked := connection.request()) is not None:
            tag = b'"%d"' % self.version
            common = b"ETag: %b\r\nCache-Control: max-age=600\r\nCache-Tag: pages\r\n" % tag
            if asked.one(b"if-none-match") == tag:
                self.confirmed.append(asked.target)
                connection.send(b"HTTP/1.1 304 Not Modified\r\n%b\r\n" % common)
            else:
                self.whole.append(asked.target)
                content = b"%b %d" % (asked.target, self.version)
                connection.send(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (common, len(content), content))


def admin(gateway: Gateway, method: str, path: str, document: Any = None) -> Answer:
    """One request to the admin application, with JSON if there is any."""
    host = f"127.0.0.1:{gateway.admin_port}"
    body = None if document is None else json.dumps(document).encode()
    with Client(("127.0.0.1", gateway.admin_port)) as client:
        client.send(request(method, path, "Connection: close", host=host, body=body))
        return client.answer(method)


def swept(gateway: Gateway, **order: Any) -> Any:
    """The report of a sweep, when it is over."""
    answer = admin(gateway, "POST", "/api/sweeps", {"rate": 100_000, **order})
    assert answer.status == 202, answer.body
    path = f"/api/sweeps/{answer.json()['id']}"
    wait_until(lambda: admin(gateway, "GET", path).json()["ended_at"] is not None, "the sweep is over")
    return admin(gateway, "GET", path).json()


def held(gateway: Gateway) -> list[int]:
    """How much each worker has stored."""
    return [worker.get("count", 0) for worker in admin(gateway, "GET", "/api/entries").json()["workers"]]


def fill(gateway: Gateway) -> None:
    """Ask until both workers have everything."""

    def ask() -> bool:
        with gateway.client() as client:
            for page in range(PAGES):
                assert client.get(f"/{page}").status == 200
        return held(gateway) == [PAGES, PAGES]

    wait_until(ask, "both workers have everything", 30.0)
