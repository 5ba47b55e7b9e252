import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.batch.common.json_text import JsonError
from plugins.batch.common.names import Names
from plugins.batch.rpc.calls import Call
from plugins.batch.rpc.json_rpc import INVALID, JsonRpc, error_answer

rpc = JsonRpc(Names(["get*", "sum"]))


def calls(*members: Any) -> list[Call]:
    found = rpc.calls(json.dumps(members).encode())
    assert found is not None
    return found


def call(method: str = "get", **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, **members}


def test_safe_calls_are_equal_by_method_and_parameters() -> None:
    one, same, other, none, named = calls(
        call(id=1, params=[1]),
        call(id="x", params=[1]),
        call(id=2, params=[2]),
        call(id=3),
        call("getAll", id=4, params=[1]),
    )
    assert one.key == same.key
    assert len({one.key, other.key, none.key, named.key}) == 4
    assert not one.changes
    assert (one.id, same.id) == ("1", '"x"')


def test_other_calls_and_notifications_share_nothing() -> None:
    unsafe, notification = calls(call("delete", id=1), call())
    assert (unsafe.key, unsafe.changes, unsafe.wants_answer) == (None, True, True)
    assert (notification.key, notification.changes, notification.wants_answer) == (None, False, False)


def test_parameters_are_equal_as_they_are_written() -> None:
    found = rpc.calls(
        b'[{"jsonrpc":"2.0","method":"get","id":1,"params":[1.0]},{"jsonrpc":"2.0","method":"get","id":2,"params":[1.00]}]'
    )
    assert found is not None
    assert found[0].key != found[1].key


@pytest.mark.parametrize(
    ("member", "known"),
    [
        (5, "null"),
        ([], "null"),
        ({}, "null"),
        ({"jsonrpc": "1.0", "method": "get", "id": 7}, "7"),
        ({"jsonrpc": "2.0", "id": "x"}, '"x"'),
        ({"jsonrpc": "2.0", "method": 5, "id": 7}, "7"),
        (call(params=5, id=7), "7"),
        (call(id=[]), "null"),
        (call(id=True), "null"),
    ],
)
def test_what_is_no_call_is_answered_here(member: Any, known: str) -> None:
    (refused,) = calls(member)
    assert json.loads(refused.refusal or "")["error"]["code"] == INVALID
    assert json.loads(refused.refusal or "")["id"] == json.loads(known)


def test_a_name_that_occurs_twice_is_read_in_two_ways_and_so_refused() -> None:
    found = rpc.calls(b'[{"jsonrpc":"2.0","method":"get","method":"delete","id":1}]')
    assert found is not None
    assert found[0].refusal is not None


def test_an_answer_is_fitted_to_each_call() -> None:
    one, other = calls(call(id=1), call(id={"not": "an id"}["not"]))
    answer = rpc.answer(one, b' {"jsonrpc": "2.0", "result": 1.10, "id": 1}\n')
    assert rpc.fit(one, answer) == '{"jsonrpc": "2.0", "result": 1.10, "id": 1}'
    assert json.loads(rpc.fit(other, answer))["id"] == "an id"
    assert json.loads(rpc.fit(other, '{"jsonrpc":"2.0","result":1}'))["id"] == "an id"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"5", b"{}", b'{"result":1,"error":2,"id":1}', b'{"jsonrpc":"2.0","result":1,"id":2}', b"\xff"]
)
def test_what_answers_no_call_or_another_is_refused(body: bytes) -> None:
    (one,) = calls(call(id=1))
    with pytest.raises(JsonError):
        rpc.answer(one, body)


def test_an_error_that_does_not_know_its_call_is_still_its_answer() -> None:
    (one,) = calls(call(id=1))
    assert json.loads(rpc.fit(one, rpc.answer(one, error_answer("null", -32700, "Parse error").encode())))["id"] == 1


def test_an_array_has_ids_of_its_own_since_those_of_clients_may_be_equal() -> None:
    sent = calls(call(id="x"), call("note"), call("sum", id="x", params=[1]))
    assert [member.get("id") for member in json.loads(rpc.array(sent))] == [0, None, 2]
    answers = rpc.answers(sent, b'[{"result":2,"id":2}, {"error":{},"id":0}]')
    assert answers == ['{"error":{},"id":0}', None, '{"result":2,"id":2}']


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('[{"result":1,"id":0}]', [True, False]),
        ('[{"result":1,"id":0},{"result":2,"id":0},{"result":3,"id":0}]', [False, False]),
        ('[{"result":1,"id":7},{"result":1,"id":-1},{"result":1,"id":true},{"result":1,"id":"0"},5]', [False, False]),
        ('[{"nothing":1,"id":0},{"result":1,"id":1}]', [False, True]),
        ("[]", [False, False]),
    ],
)
def test_answers_are_never_given_to_another_call(body: str, found: list[bool]) -> None:
    answers = rpc.answers(calls(call(id="a"), call("sum", id="b")), body.encode())
    assert [answer is not None for answer in answers] == found


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"5"])
def test_what_is_no_array_of_answers_is_refused(body: bytes) -> None:
    with pytest.raises(JsonError):
        rpc.answers(calls(call(id=1)), body)


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        (b'{"jsonrpc":"2.0","error":{"code":1},"id":null}', True),
        (b'{"error":1}', True),
        (b'{"error":1,"id":5}', False),
        (b"[]", False),
        (b"x", False),
    ],
)
def test_one_error_about_the_whole_is_known(body: bytes, is_one: bool) -> None:
    assert rpc.whole_error(body) is is_one


def test_a_failure_says_which_call_and_what() -> None:
    (one,) = calls(call(id="é\n"))
    failure = json.loads(rpc.failure(one, 'the "upstream"', 502))
    assert (failure["id"], failure["error"]["message"], failure["error"]["data"]) == (
        "é\n",
        'the "upstream"',
        {"status": 502},
    )


ids = st.none() | st.integers() | st.text(max_size=5)
values = st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3) | st.none()


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["jsonrpc", "method", "params", "id", "x"]), st.just("2.0") | values | ids),
        min_size=1,
    )
)
def test_whatever_the_members_each_is_a_call_or_refused_and_an_array_of_them_is_json(
    members: list[dict[str, Any]],
) -> None:
    found = calls(*members)
    assert len(found) == len(members)
    sent = [each for each in found if each.refusal is None]
    assert [{**member, "id": 0} for member in json.loads(rpc.array(sent))] == [
        {**member, "id": 0} for member, each in zip(members, found, strict=True) if each.refusal is None
    ]
