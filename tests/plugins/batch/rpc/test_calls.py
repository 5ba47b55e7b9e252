import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.batch.rpc.calls import Call, members_of, stages


def test_members_are_handed_out_as_they_came() -> None:
    assert members_of(b' [ {"a": 1.10} , [2] ]\n') == [({"a": 1.1}, '{"a": 1.10}'), ([2], "[2]")]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b" [ ] ", b"[1", b"[1,]", b"[1]x", b"[1]]", b"\xff", b"nonsense"])
def test_what_is_no_array_or_an_empty_one_passes(body: bytes) -> None:
    assert members_of(body) is None


@given(st.lists(st.dictionaries(st.text(), st.integers()) | st.text() | st.none(), min_size=1))
def test_every_array_is_taken_apart(array: list[object]) -> None:
    found = members_of(json.dumps(array).encode())
    assert found is not None
    assert [value for value, _ in found] == [json.loads(text) for _, text in found] == array


def asks(key: str) -> Call:
    return Call(key, key)


CHANGES = Call("change", changes=True)


def shown(calls: list[Call], *, in_order: bool) -> list[list[tuple[str, list[int]]]]:
    return [[(shared.call.text, shared.places) for shared in stage] for stage in stages(calls, in_order=in_order)]


def test_equal_calls_share_an_answer() -> None:
    assert shown([asks("a"), asks("b"), asks("a"), Call("c"), Call("c")], in_order=False) == [
        [("a", [0, 2]), ("b", [1]), ("c", [3]), ("c", [4])]
    ]


def test_but_not_past_one_that_may_change_it() -> None:
    calls = [asks("a"), asks("a"), CHANGES, CHANGES, asks("a"), asks("a")]
    assert shown(calls, in_order=False) == [[("a", [0, 1]), ("change", [2]), ("change", [3]), ("a", [4, 5])]]
    assert shown(calls, in_order=True) == [[("a", [0, 1])], [("change", [2])], [("change", [3])], [("a", [4, 5])]]


def test_what_is_refused_is_not_sent() -> None:
    assert shown([Call("x", refusal="no"), asks("a")], in_order=True) == [[("a", [1])]]
    assert shown([Call("x", refusal="no")], in_order=True) == []


@given(st.lists(st.sampled_from([asks("a"), asks("b"), Call("c"), CHANGES, Call("x", refusal="no")])), st.booleans())
def test_every_call_is_made_once_or_shared_and_changes_keep_their_order(calls: list[Call], in_order: bool) -> None:
    flat = [shared for stage in stages(calls, in_order=in_order) for shared in stage]
    places = sorted(place for shared in flat for place in shared.places)
    assert places == [place for place, call in enumerate(calls) if call.refusal is None]
    assert all(calls[place].text == shared.call.text for shared in flat for place in shared.places)
    changes = [shared.places[0] for shared in flat if shared.call.changes]
    assert changes == sorted(changes)
    for shared in flat:
        assert not any(calls[between].changes for between in range(shared.places[0], shared.places[-1])[1:])
