import json
from typing import Any

import pytest

from gateway.api import Monotonic, RefusedError, Response, UpstreamTimeoutError
from plugins.batch.common.reasons import MergeReason
from plugins.batch.merge.rule import Rule, Told, Waiter, same_error
from plugins.batch.merge.template import Asked
from plugins.batch.merge.window import Gathering
from plugins.batch.settings import MergeSettings
from tests.support.plugins import FieldsLike, fields_of, make_request, make_response

NOW = Monotonic(10.0)


def rule(**settings: Any) -> Rule:
    return Rule(MergeSettings.model_validate({"match": "/users/{id}", "bulk": "/users?ids={ids}", **settings}))


def gathering(*wanted: str, fields: FieldsLike = ()) -> Gathering[Waiter]:
    gathered: Gathering[Waiter] = Gathering("p", 0.0)
    for name in wanted:
        waiter = Waiter(make_request(target=f"/users/{name}?a=b", fields=fields), Asked(name, ()), None)
        gathered.slots.setdefault(name, []).append(waiter)
    return gathered


def told(rule: Rule, gathered: Gathering[Waiter], answer: Response, fields: FieldsLike = ()) -> list[Told]:
    assert isinstance(answer.body, bytes)
    return [each for _, each in rule.tell(gathered, fields_of(fields), answer, answer.body)]


def page(*elements: Any, **fields: str) -> Response:
    return make_response(200, {"Content-Type": "application/json", **fields}, json.dumps(elements).encode())


def test_it_says_what_is_asked_for_or_why_it_is_not_merged() -> None:
    rules = rule(rest="5s")
    assert rules.judge(make_request(target="/users/7"), NOW) == Asked("7", ())
    assert rules.judge(make_request("HEAD", "/users/7"), NOW) is MergeReason.METHOD
    assert rules.judge(make_request(target="/users/7%2C8"), NOW) is MergeReason.ID
    for _ in range(3):
        rules.rest.settle(False, NOW)
    assert rules.judge(make_request(target="/users/7"), NOW) is MergeReason.RESTING
    assert rules.judge(make_request(target="/users/7"), Monotonic(NOW + 5)) == Asked("7", ())


def test_the_bulk_request_is_the_first_ones_but_for_its_target_and_coding() -> None:
    gathered = gathering("7", "8", "7", fields={"Authorization": "Bearer a", "Accept-Encoding": "gzip"})
    first = gathered.slots["7"][0].request
    first.scheme, first.client, first.route = "https", "198.51.100.1", "shop"
    bulk = rule().bulk_request(gathered, NOW)
    assert (bulk.method, bulk.target, bulk.body) == ("GET", b"/users?ids=7,8&a=b", b"")
    assert list(bulk.fields) == [(b"Authorization", b"Bearer a")]
    assert (bulk.scheme, bulk.client, bulk.route, bulk.authority) == ("https", "198.51.100.1", "shop", b"shop.example")
    assert (bulk.downstream, bulk.started, bulk.deadline) == (first.downstream, NOW, None)
    assert b"accept-encoding" in first.fields


def test_whoever_has_withdrawn_is_not_asked_for() -> None:
    gathered = gathering("7", "8", "9")
    gathered.slots["7"].clear()
    assert rule().bulk_request(gathered, NOW).target == b"/users?ids=8,9&a=b"


def test_the_latest_deadline_counts_if_all_have_one() -> None:
    gathered = gathering("7", "8")
    for waiter, deadline in zip((slot[0] for slot in gathered.slots.values()), (5.0, 9.0), strict=True):
        assert rule().bulk_request(gathered, NOW).deadline is None
        waiter.request.deadline = Monotonic(deadline)
    assert rule().bulk_request(gathered, NOW).deadline == 9.0


def test_each_is_told_what_belongs_to_its_id() -> None:
    got = told(rule(wrap="/user"), gathering("7", "8", "9", "7"), page({"id": 8}, {"id": "7"}))
    assert [each.reason for each in got] == [MergeReason.MERGED] * 3 + [MergeReason.MISSING]
    bodies = [each.response.body for each in got if each.response is not None]
    assert bodies[:3] == [b'{"user":{"id": "7"}}', b'{"user":{"id": "7"}}', b'{"user":{"id": 8}}']
    assert [each.response.status for each in got if each.response is not None] == [200, 200, 200, 404]


def test_a_missing_id_may_be_asked_for_alone() -> None:
    assert told(rule(missing="single"), gathering("7", "8"), page({"id": 7}))[1] == Told(MergeReason.MISSING)


def test_where_there_are_strangers_what_is_not_there_may_exist_all_the_same() -> None:
    got = told(rule(), gathering("7", "8"), page({"id": 7}, {"id": 1}))
    assert (got[0].reason, got[1]) == (MergeReason.MERGED, Told(MergeReason.UNSURE))


def test_two_elements_of_one_id_are_left_to_a_single_call() -> None:
    assert told(rule(), gathering("7", "8"), page({"id": 7, "n": 1}, {"id": 7, "n": 2}, {"id": 8}))[0] == Told(
        MergeReason.UNSURE
    )


@pytest.mark.parametrize(
    ("vary", "reason"),
    [("Accept-Encoding, X-Other", MergeReason.MERGED), ("user-agent", MergeReason.VARY), ("*", MergeReason.VARY)],
)
def test_whom_vary_tells_apart_from_the_one_who_asked_goes_alone(vary: str, reason: MergeReason) -> None:
    gathered = gathering("7", fields={"User-Agent": "b", "Accept-Encoding": "gzip"})
    (got,) = told(rule(), gathered, page({"id": 7}, Vary=vary), {"User-Agent": "a"})
    assert got.reason is reason
    assert (got.response is None) is (reason is MergeReason.VARY)


def test_an_error_is_raised_again_with_all_it_says() -> None:
    error = RefusedError("no", 403, retry_after=5.0)
    again = same_error(error)
    assert isinstance(again, RefusedError)
    assert again is not error
    assert (again.detail, again.status, again.retry_after, again.__cause__) == ("no", 403, 5.0, error)
    assert isinstance(same_error(UpstreamTimeoutError("late")), UpstreamTimeoutError)
    ours = ZeroDivisionError()
    assert same_error(ours) is ours
