import math
from typing import Any

from plugins.circuit_breaker.answer import Static, words_for
from plugins.circuit_breaker.breaker import Breaker, Epochs
from plugins.circuit_breaker.group import Refusal
from plugins.circuit_breaker.rules import Rules
from plugins.circuit_breaker.settings import StaticResponse
from tests.support.plugins import pairs


def a_breaker() -> Breaker:
    return Breaker("server:app/http://10.0.0.7:80", Rules(), Epochs(), lambda: 0.0)


def test_the_reason_has_the_evidence_and_no_address() -> None:
    breaker = a_breaker()
    for _ in range(10):
        breaker.record(True, 0.0, 0, 1.0)
    words = words_for(Refusal(breaker.until, breaker, is_ramping=False))
    assert words == "the upstream is not asked for the time being: 10 of 10 exchanges failed"
    assert "just come back" in words_for(Refusal(0.0, breaker, is_ramping=True))


def test_a_circuit_opened_by_hand_says_no_more_than_that() -> None:
    breaker = a_breaker()
    breaker.hold_open(1.0, None)
    assert words_for(Refusal(math.inf, breaker, is_ramping=False)) == "the upstream is not asked for the time being"


def static(**settings: Any) -> Static:
    return Static(StaticResponse.model_validate(settings), "front")


def test_a_response_of_the_configuration_is_marked_and_not_stored_by_others() -> None:
    response = static(status=200, body="{}", fields={"Content-Type": "application/json"}).response(7.0)
    assert (response.status, response.body) == (200, b"{}")
    assert pairs(response.fields) == [
        ("Content-Type", "application/json"),
        ("Cache-Control", "no-store"),
        ("Proxy-Status", 'front; error=destination_unavailable; details="fallback"'),
    ]


def test_a_503_says_when_to_come_back_unless_the_configuration_does() -> None:
    assert static(body="later").response(7.0).fields.get(b"retry-after") == b"7"
    assert static(body="later").response(None).fields.get(b"retry-after") is None
    assert static(fields={"Retry-After": "99"}).response(7.0).fields.get(b"retry-after") == b"99"


def test_what_somebody_does_to_one_response_does_not_touch_the_next() -> None:
    answers = static(fields={"Cache-Control": "max-age=5"})
    answers.response(None).fields.remove(b"cache-control")
    assert answers.response(None).fields.get(b"cache-control") == b"max-age=5"
