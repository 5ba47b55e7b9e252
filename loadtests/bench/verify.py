"""Before anything is measured: does the peer give the complete and correct answer?

A proxy that is fast because it answers something else would win every benchmark.
"""

import http.client
import json
import zlib
from dataclasses import dataclass

from loadtests.bench.scenarios import REQUEST_FIELDS, Scenario
from loadtests.support.ports import LOOPBACK

END_TO_END = ("Content-Type", "Content-Length", "Cache-Control", "Last-Modified", "ETag", "Vary")
"""Fields of the origin that must arrive as they were sent."""
_TIMEOUT_SECONDS = 10.0
_REPETITIONS = 2  # the second one goes over connections that were kept


class WrongAnswerError(Exception):
    """An answer differed from the origin's own; the text says in what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as far as it is compared."""

    status: int
    fields: dict[str, str | None]
    content: bytes


def differences(expected: Answer, actual: Answer) -> list[str]:
    """Everything in which `actual` is not what it should be, in words."""
    found = []
    if actual.status != expected.status:
        found.append(f"status {actual.status} instead of {expected.status}")
    for name, value in expected.fields.items():
        if actual.fields.get(name) != value:
            found.append(f"{name}: {actual.fields.get(name)} instead of {value}")
    if actual.content != expected.content:
        found.append(f"content of {len(actual.content)} octets differs from the {len(expected.content)} expected")
    return found


def verify(scenario: Scenario, port: int, origin_port: int) -> None:
    """Ask the peer and the origin the same, twice on one connection. Raises `WrongAnswerError` or `OSError`."""
    for expected, actual in zip(_ask(scenario, origin_port), _ask(scenario, port), strict=True):
        if expected.status != 200:
            raise WrongAnswerError(f"the origin itself answers {expected.status}")
        if found := differences(expected, actual):
            raise WrongAnswerError("; ".join(found))
    if scenario.content:
        _verify_content_arrives(scenario, port)


def _ask(scenario: Scenario, port: int) -> list[Answer]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_SECONDS)
    try:
        return [_exchange(connection, scenario, scenario.target) for _ in range(_REPETITIONS)]
    except http.client.HTTPException as error:
        raise WrongAnswerError(repr(error)) from error
    finally:
        connection.close()


def _exchange(connection: http.client.HTTPConnection, scenario: Scenario, target: str) -> Answer:
    connection.request(scenario.method, target, body=scenario.content or None, headers=dict(REQUEST_FIELDS))
    response = connection.getresponse()
    fields = {name: response.getheader(name) for name in END_TO_END}
    return Answer(response.status, fields, response.read())


def _verify_content_arrives(scenario: Scenario, port: int) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_SECONDS)
    try:
        answer = _exchange(connection, scenario, f"{scenario.target}/checked")
    finally:
        connection.close()
    expected = {"received": len(scenario.content), "crc32": zlib.crc32(scenario.content)}
    if json.loads(answer.content) != expected:
        raise WrongAnswerError(f"the origin received {answer.content!r} instead of {expected}")
