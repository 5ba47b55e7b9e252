from typing import Any

import pytest

from gateway.api import Monotonic, WallTime
from plugins.timeout.budget import Allowance, Budget, TimeoutReason
from plugins.timeout.settings import TimeoutSettings
from tests.support.plugins import make_request, pairs

NOW, WALL = Monotonic(100.0), WallTime(1_700_000_000.0)
SAID = {"name": "X-Timeout"}


def a_budget(**settings: Any) -> Budget:
    return Budget(TimeoutSettings.model_validate({"total": "2s", **settings}))


def allowed(
    budget: Budget, said: str | None = None, *, trusted: bool = True, deadline: float | None = None
) -> Allowance:
    request = make_request(fields={} if said is None else {"X-Timeout": said}, trusted=trusted)
    request.deadline = None if deadline is None else Monotonic(deadline)
    return budget.allow(request, NOW, WALL)


def test_a_route_has_its_own_budget() -> None:
    assert allowed(a_budget()) == Allowance(2.0, TimeoutReason.TOTAL, None)


@pytest.mark.parametrize(
    ("said", "left", "bound_by"),
    [
        ("500", 0.5, TimeoutReason.DEADLINE),
        ("0", 0.0, TimeoutReason.DEADLINE),
        ("2000", 2.0, TimeoutReason.TOTAL),
        ("60000", 2.0, TimeoutReason.TOTAL),
    ],
)
def test_the_downstream_can_shorten_it_and_never_lengthen_it(said: str, left: float, bound_by: TimeoutReason) -> None:
    assert allowed(a_budget(downstream_field=SAID), said) == Allowance(left, bound_by, None)


def test_a_stranger_has_no_say_unless_everybody_has() -> None:
    stranger = allowed(a_budget(downstream_field=SAID), "1", trusted=False)
    assert stranger == Allowance(2.0, TimeoutReason.TOTAL, TimeoutReason.UNTRUSTED)
    anybody = allowed(a_budget(downstream_field=SAID, trust="everybody"), "1", trusted=False)
    assert anybody == Allowance(0.001, TimeoutReason.DEADLINE, None)


def test_nonsense_says_nothing() -> None:
    assert allowed(a_budget(downstream_field=SAID), "soon").ignored is TimeoutReason.MALFORMED
    assert allowed(a_budget(downstream_field=SAID), "soon").left == 2.0


def test_a_field_that_nobody_asked_for_is_not_read() -> None:
    assert allowed(a_budget(), "1") == Allowance(2.0, TimeoutReason.TOTAL, None)


def test_a_deadline_from_further_out_counts() -> None:
    assert allowed(a_budget(), deadline=100.7).left == pytest.approx(0.7)
    assert allowed(a_budget(), deadline=100.7).bound_by is TimeoutReason.DEADLINE
    assert allowed(a_budget(), deadline=110.0).bound_by is TimeoutReason.TOTAL


def told(fields: dict[str, str], left: float = 1.5, **settings: Any) -> list[tuple[str, str]]:
    request = make_request(fields=fields)
    a_budget(**settings).tell(request, left, WALL)
    return pairs(request.fields)


def test_the_upstream_is_told_what_is_left_less_the_margin() -> None:
    upstream = {"name": "X-Deadline", "format": "unix"}
    assert told({"A": "1"}, upstream_field=upstream) == [("A", "1"), ("X-Deadline", "1700000001.500")]
    assert told({}, upstream_field=SAID, margin="500ms") == [("X-Timeout", "1000")]


def test_what_the_downstream_said_goes_no_further() -> None:
    assert told({"X-Timeout": "9", "A": "1"}, downstream_field=SAID) == [("A", "1")]
    assert told({"X-Timeout": "9"}, downstream_field=SAID, upstream_field=SAID) == [("X-Timeout", "1500")]


def test_it_speaks_only_where_there_are_fields() -> None:
    assert not a_budget().speaks
    assert a_budget(downstream_field=SAID).speaks
    assert a_budget(upstream_field=SAID).speaks
