from typing import Any

import pytest

from gateway.api import Request
from plugins.concurrency.classes import CRITICAL, key_reader, level_reader
from plugins.concurrency.settings import ConcurrencySettings
from tests.support.plugins import make_request

FIELD = {"name": "X-Priority", "values": {"batch": "low", "checkout": "high", "probe": "critical"}}


def level(request: Request, **settings: Any) -> int:
    return level_reader(ConcurrencySettings.model_validate(settings))(request)


def key(request: Request, **settings: Any) -> bytes:
    return key_reader(ConcurrencySettings.model_validate(settings))(request)


@pytest.mark.parametrize(("priority", "expected"), [("critical", CRITICAL), ("high", 0), ("normal", 1), ("low", 2)])
def test_a_route_says_how_important_its_requests_are(priority: str, expected: int) -> None:
    assert level(make_request(), priority=priority) == expected


@pytest.mark.parametrize(
    ("value", "trusted", "expected"),
    [
        ("batch", False, 2),
        ("Batch", False, 2),
        ("checkout", False, 1),
        ("checkout", True, 0),
        ("probe", False, 1),
        ("probe", True, CRITICAL),
        ("whatever", True, 1),
    ],
)
def test_a_field_may_say_less_and_only_a_trusted_one_more(value: str, trusted: bool, expected: int) -> None:
    request = make_request(fields={"X-Priority": value}, trusted=trusted)
    assert level(request, priority_field=FIELD) == expected


def test_without_the_field_the_route_counts() -> None:
    assert level(make_request(), priority="low", priority_field=FIELD) == 2


def test_clients_are_told_apart_by_address_or_field_or_not_at_all() -> None:
    one, other = make_request(peer="192.0.2.1"), make_request(peer="192.0.2.2", fields={"X-Api-Key": "7"})
    assert key(one) != key(other)
    assert key(one, fair_by="off") == key(other, fair_by="off")
    assert key(other, fair_by="header:X-Api-Key") == b"7"
    assert key(one, fair_by="header:X-Api-Key") == b"192.0.2.1"


def test_a_long_field_makes_no_long_key() -> None:
    assert len(key(make_request(fields={"X-Api-Key": "k" * 5000}), fair_by="header:X-Api-Key")) == 256
