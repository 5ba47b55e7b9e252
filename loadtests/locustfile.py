"""Two kinds of users, as locust runs them: one browses, one is an application that calls an API.

Every answer is checked: a wrong status or a content of the wrong length is a failure like any other. `load.py` starts
this file; with an origin of `loadtests.origin` behind the gateway it can be run by hand as well.
"""
# mypy: disable-error-code="misc, untyped-decorator"
# locust is installed for `make load` alone; without it these classes and decorators have no types.

import json
import random

from locust import FastHttpUser, between, task

from loadtests.origin.content import KIB, json_content

_ORDER = json_content(KIB).decode()
_TIMEOUT_SECONDS = 30.0


class _User(FastHttpUser):
    """What both kinds share."""

    abstract = True
    connection_timeout = _TIMEOUT_SECONDS
    network_timeout = _TIMEOUT_SECONDS

    def fetch(self, target: str, length: int, name: str) -> None:
        """GET `target` and expect 200 with `length` octets."""
        with self.client.get(target, name=name, catch_response=True) as response:
            got = len(response.content or b"")
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
            elif got != length:
                response.failure(f"{got} octets instead of {length}")


class Browser(_User):
    """Reads pages, mostly small ones, and takes its time between them."""

    weight = 3
    wait_time = between(0.5, 2.0)

    @task(6)
    def small_page(self) -> None:
        """A page with a query of its own."""
        self.fetch(f"/cacheable/1k?page={random.randrange(200)}", KIB, "/cacheable/1k")

    @task(3)
    def page(self) -> None:
        """A page of usual size."""
        self.fetch("/cacheable/10k", 10 * KIB, "/cacheable/10k")

    @task(1)
    def large_page(self) -> None:
        """A page with much in it."""
        self.fetch("/json/100k", 100 * KIB, "/json/100k")

    @task(1)
    def streamed_page(self) -> None:
        """A page whose length nobody knows at the start."""
        self.fetch("/chunked/20/1000", 20_000, "/chunked")

    @task(1)
    def look_again(self) -> None:
        """Ask whether a page has changed; 304 without content is the right answer."""
        first = self.client.get("/cacheable/1k", name="/cacheable/1k").headers
        etag = first.get("ETag", "none") if first is not None else "none"
        with self.client.get(
            "/cacheable/1k",
            headers={"If-None-Match": etag},
            name="/cacheable/1k (304)",
            catch_response=True,
        ) as response:
            if response.status_code == 304:
                response.success()
            else:
                response.failure(f"status {response.status_code} instead of 304")


class Application(_User):
    """Calls an API: reads, writes, and waits for slow answers."""

    weight = 2
    wait_time = between(0.2, 1.0)

    @task(5)
    def read(self) -> None:
        """Read a small document."""
        self.fetch("/json/1k", KIB, "/json/1k")

    @task(3)
    def write(self) -> None:
        """Post an order; the origin must have received all of it."""
        with self.client.post(
            "/sink", data=_ORDER, headers={"Content-Type": "application/json"}, catch_response=True
        ) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
            elif json.loads(response.content or b"{}").get("received") != len(_ORDER):
                response.failure(f"the origin received {response.content!r}")

    @task(1)
    def wait(self) -> None:
        """A call that takes the origin a while."""
        self.fetch("/slow/50", KIB, "/slow/50")
