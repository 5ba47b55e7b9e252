"""Stories about a cache: what is asked when, what the origin says, what the client gets and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.caching import Outcome, RuleCache, date, never_asked, origin_of, unreachable
from tests.support.plugins import make_request

CC = "Cache-Control"
NO_ANSWER = 0
"""Stands for an origin that cannot be reached."""


@dataclass
class Step:
    """One request of a story."""

    at: float
    """Seconds after the start."""
    expect: str
    """The reason of what is done; `fresh` and the stale ones must not go upstream."""
    origin: Mapping[str, str] | None = None
    """Fields of the origin's answer; `None`: it must not be asked."""
    asked: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    """Status of the origin's answer, or `NO_ANSWER`."""
    gets: int | None = None
    """Status that the client gets; the origin's if not given."""
    method: str = "GET"
    target: str = "/"
    body: bytes = b"0123456789"
    content: bytes = b""
    """Content of the request."""
    not_stored: str | None = None
    has: Mapping[str, str | None] = field(default_factory=dict)
    """Fields that the client gets."""
    sends: Mapping[str, str | None] = field(default_factory=dict)
    """Fields that go upstream."""
    received: bytes | None = None
    """Content that the client gets, where it matters."""


Stories = dict[str, tuple[dict[str, Any], list[Step]]]
"""What the story is about → the settings of the route, and the requests in their order."""

FRESH = {CC: "max-age=60", "Date": date()}
TAGGED = {**FRESH, "ETag": '"a"'}


def assert_goes(settings: dict[str, Any], steps: list[Step]) -> None:
    """Play a story; every step has to go as it says."""
    cache = RuleCache(**settings)
    for step in steps:
        outcome = _play(cache, step)
        not_stored = outcome.not_stored.value if outcome.not_stored is not None else None
        assert outcome.word == step.expect, step
        assert outcome.status == (step.gets if step.gets is not None else step.status), step
        if step.not_stored is not None:
            assert not_stored == step.not_stored, step
        elif step.origin is not None and step.method in ("GET", "QUERY") and step.expect.endswith("miss"):
            assert not_stored is None, step
        for name, value in step.has.items():
            assert outcome[name] == value, (name, step)
        for name, value in step.sends.items():
            sent = outcome.sent[0].fields.get(name.lower().encode())
            assert (sent.decode() if sent is not None else None) == value, (name, step)
        if step.received is not None:
            assert outcome.body == step.received, step


def _play(cache: RuleCache, step: Step) -> Outcome:
    request = make_request(step.method, step.target, step.asked, step.content)
    if step.origin is None:
        return cache.ask(request, never_asked, step.at)
    if step.status == NO_ANSWER:
        return cache.ask(request, unreachable, step.at)
    body = b"" if step.status == 304 or step.method == "HEAD" else step.body
    return cache.ask(request, origin_of(step.status, step.origin, body), step.at)
