"""Before anything is measured: does the peer give the complete and correct answer?

A proxy that is fast because it answers something else would win every benchmark.
"""

import http.client
import json
import zlib
from dataclasses import dataclass, replace

from loadtests.bench.scenarios import STORED, Need, Scenario
from loadtests.support.ports import LOOPBACK
from plugins.compress.libraries import brotli, zstd

END_TO_END = ("Content-Type", "Content-Length", "Cache-Control", "Last-Modified", "ETag", "Vary")
"""Fields of the origin that must arrive as they were sent."""
RECODED = ("Content-Type", "Cache-Control", "Last-Modified")
"""Those that stay when the content is coded on the way."""
VALIDATING = ("Cache-Control", "ETag")
"""Those of a 304, which may have others or not (RFC 9110 §15.4.5)."""
_OTHER_NAMES = {
    "X-Request-Id": "00000000-0000-4000-8000-000000000001",
    "traceparent": "00-00000000000000000000000000000001-0000000000000001-01",
}
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
    """Ask the peer and the origin the same, twice on one connection.

    Where the answer must be a hit, the peer is given it to store before, and must not ask the origin again after.
    Raises `WrongAnswerError` or `OSError`."""
    if scenario.need in STORED:
        _ask(replace(scenario, fields={}), port)  # without the condition, which would go on to the origin
    as_it_is = replace(scenario, coding=None)
    for expected, actual in zip(_ask(as_it_is, origin_port, scenario.coding), _ask(scenario, port), strict=True):
        if expected.status != scenario.status:
            raise WrongAnswerError(f"the origin itself answers {expected.status}")
        if found := differences(expected, actual):
            raise WrongAnswerError("; ".join(found))
    if scenario.content:
        _verify_content_arrives(scenario, port)
    if scenario.need in STORED:
        _verify_hit(scenario, port, origin_port)


def origin_calls(origin_port: int) -> int:
    """How often the origin was asked so far. Raises `OSError`."""
    connection = http.client.HTTPConnection(LOOPBACK, origin_port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/calls")
        calls: int = json.loads(connection.getresponse().read())["calls"]
        return calls
    finally:
        connection.close()


def _verify_hit(scenario: Scenario, port: int, origin_port: int) -> None:
    """Answered before, so not asked for again; the request gets other names where the scenario gives it others."""
    fields = {**scenario.request_fields, **(_OTHER_NAMES if scenario.unique else {})}
    calls = origin_calls(origin_port)
    _ask(replace(scenario, fields=fields), port)
    if calls_now := origin_calls(origin_port) - calls:
        raise WrongAnswerError(f"the origin was asked {calls_now} times for what should be stored")


def _ask(scenario: Scenario, port: int, coding: str | None = None) -> list[Answer]:
    """Two answers. With `coding`, as they will be once somebody has coded them."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_SECONDS)
    try:
        return [_exchange(connection, scenario, scenario.target, coding) for _ in range(_REPETITIONS)]
    except http.client.HTTPException as error:
        raise WrongAnswerError(repr(error)) from error
    finally:
        connection.close()


def _exchange(
    connection: http.client.HTTPConnection, scenario: Scenario, target: str, coding: str | None = None
) -> Answer:
    connection.request(scenario.method, target, body=scenario.content or None, headers=scenario.request_fields)
    response = connection.getresponse()
    names: tuple[str, ...] = VALIDATING if response.status == 304 else END_TO_END
    if coding is not None or scenario.coding is not None or scenario.need in (Need.CODE, Need.CACHE_CODE):
        names = RECODED
    fields = {name: response.getheader(name) for name in names}
    content = response.read()
    if scenario.coding is not None:
        fields["Content-Encoding"] = response.getheader("Content-Encoding")
        content = decoded(scenario.coding, content)
    elif coding is not None:
        fields["Content-Encoding"] = coding
    return Answer(response.status, fields, content)


def decoded(coding: str, content: bytes) -> bytes:
    """Content without its coding, by the library's own decoder. Raises `WrongAnswerError` for anything else."""
    try:
        if coding == "gzip":
            return zlib.decompress(content, 31)
        whole: bytes = brotli.decompress(content) if coding == "br" else zstd.decompress(content)
    except Exception as error:  # each library has errors of its own
        raise WrongAnswerError(f"the content is not in {coding}: {error}") from error
    return whole


def _verify_content_arrives(scenario: Scenario, port: int) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT_SECONDS)
    try:
        answer = _exchange(connection, scenario, f"{scenario.target}/checked")
    finally:
        connection.close()
    expected = {"received": len(scenario.content), "crc32": zlib.crc32(scenario.content)}
    if json.loads(answer.content) != expected:
        raise WrongAnswerError(f"the origin received {answer.content!r} instead of {expected}")
