import json

import pytest

from gateway.api import Monotonic
from plugins.batch.rpc.calls import Call, Shared
from plugins.batch.rpc.endpoint import Endpoint, takes
from plugins.batch.settings import RpcSettings
from tests.support.plugins import FieldsLike, make_request

endpoint = Endpoint(RpcSettings())
CALLS = [
    Call('{"id":1}', id="1", id_at=(6, 7)),
    Call("{}", wants_answer=False),
    Call("5", refusal='{"error":5}'),
    Call('{"id":2}', id="2", id_at=(6, 7)),
]


def test_a_part_of_an_array_goes_the_way_of_the_array() -> None:
    array = make_request("POST", "/rpc?x", {"Cookie": "a", "Accept-Encoding": "br"}, b"[]", scheme="https")
    array.client, array.route, array.deadline = "198.51.100.1", "rpc", Monotonic(7.0)
    part = endpoint.request(array, b"{}")
    assert (part.method, part.target, part.body, list(part.fields)) == ("POST", b"/rpc?x", b"{}", [(b"Cookie", b"a")])
    assert (part.scheme, part.client, part.route, part.deadline) == ("https", "198.51.100.1", "rpc", 7.0)
    assert b"accept-encoding" in array.fields


def test_answers_stand_in_the_order_of_their_calls() -> None:
    response = endpoint.response(CALLS, ['{"result":1,"id":1}', None, None, None], [b"a=b"])
    assert (response.status, response.fields.get(b"set-cookie")) == (200, b"a=b")
    assert response.fields.get(b"content-type") == b"application/json"
    assert isinstance(response.body, bytes)
    first, refused, failed = json.loads(response.body)
    assert (first, refused) == ({"result": 1, "id": 1}, {"error": 5})
    assert (failed["id"], failed["error"]["data"]["status"]) == (2, 502)


def test_notifications_alone_have_no_answer() -> None:
    response = endpoint.response([CALLS[1]], [None], [])
    assert (response.status, response.body, b"content-type" in response.fields) == (204, b"", False)


def test_an_answer_is_given_to_all_that_share_it() -> None:
    answers: list[str | None] = [None] * 4
    endpoint.share(Shared(CALLS[0], [0, 1, 3]), CALLS, answers, '{"result":7,"id":1}')
    assert answers == ['{"result":7,"id":1}', None, None, '{"result":7,"id":2}']


@pytest.mark.parametrize(
    ("fields", "is_taken"),
    [
        ({"Content-Type": "application/json"}, True),
        ({"Content-Type": "application/graphql+json; charset=utf-8"}, True),
        ({"Content-Type": "multipart/form-data"}, False),
        ({}, False),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, False),
    ],
)
def test_which_posts_may_hold_an_array(fields: FieldsLike, is_taken: bool) -> None:
    assert takes(make_request("POST", "/rpc", fields)) is is_taken
