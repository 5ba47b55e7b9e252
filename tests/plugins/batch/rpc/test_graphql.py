import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.batch.common.json_text import JsonError
from plugins.batch.rpc.calls import Call
from plugins.batch.rpc.graphql import GraphQL, only_asks

graphql = GraphQL()


def calls(*members: Any) -> list[Call]:
    found = graphql.calls(json.dumps(members).encode())
    assert found is not None
    return found


@pytest.mark.parametrize(
    "document",
    [
        "{ me { name } }",
        "query { me }",
        "query Me($id: ID = 5, $in: In = {mutation: [1]}) @live { user(id: $id) { ...f } } fragment f on User { name }",
        "# mutation { drop }\nquery Q { mutation }",
        '{ say(text: "mutation { x } \\" } {", block: """ } mutation \\""" " """) }',
        '{ say(text: "") }',
        "query A { a } query B { b }",
        "{ subscription }",
    ],
)
def test_documents_that_only_ask(document: str) -> None:
    assert only_asks(document)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "   # nothing",
        "mutation { drop }",
        "query A { a } mutation B { b }",
        "{ a } mutation { b }",
        "fragment f on U { a } mutation B { ...f }",
        "subscription { news }",
        '"""comment""" mutation { a }',
        "{ a",
        "a }",
        "query",
        "query Q(",
        '{ a(b: "never ends) }',
        '{ a(b: """never ends) }',
        "type Q { a: Int }",
        ") { a }",
        "{ a } 5",
        "\ufeff{ a }",
    ],
)
def test_documents_that_do_more_or_are_not_understood(document: str) -> None:
    assert not only_asks(document)


@given(st.text(alphabet='{}()[]"\\#\n ,amutionqery"', max_size=60))
def test_whatever_is_read_as_a_query_has_no_mutation_outside_of_texts_and_braces(document: str) -> None:
    if only_asks(document):
        assert document.lstrip(" ,\n")[:1] in ("{", "#", "q", "f", '"')


@pytest.mark.parametrize("piece", ['"', '"""', '\\"""', '"a', "{", "#", '""', '"" "'])
def test_reading_is_linear_in_the_length(piece: str) -> None:
    assert not only_asks("{" + piece * 300_000 + "x")  # with a quadratic reading this would not come back


def test_equal_queries_share_and_others_do_not() -> None:
    one, same, other, named, unknown, change = calls(
        {"query": "{a}", "variables": {"x": 1}},
        {"variables": {"x": 1}, "query": "{a}"},
        {"query": "{a}", "variables": {"x": 2}},
        {"query": "{a}", "operationName": "A"},
        {"extensions": {"persistedQuery": {}}},
        {"query": "mutation {a}"},
    )
    assert one.key == same.key is not None
    assert len({one.key, other.key, named.key}) == 3
    assert [each.changes for each in (one, unknown, change)] == [False, True, True]
    assert (unknown.key, change.key) == (None, None)


def test_what_is_no_request_is_answered_here() -> None:
    (refused,) = calls(5)
    assert json.loads(refused.refusal or "")["errors"][0]["extensions"]["status"] == 400


def test_a_name_that_occurs_twice_is_read_in_two_ways_and_so_not_shared() -> None:
    found = graphql.calls(b'[{"query":"{a}","query":"mutation {a}"},{"query":"mutation {a}","query":"{a}"}]')
    assert found is not None
    assert [each.changes for each in found] == [True, True]


def test_answers_are_found_by_their_place_and_all_of_them_must_be_there() -> None:
    sent = calls({"query": "{a}"}, {"query": "{b}"})
    assert json.loads(graphql.array(sent)) == [{"query": "{a}"}, {"query": "{b}"}]
    assert graphql.answers(sent, b'[{"data": 1.10}, {"data": 2}]') == ['{"data": 1.10}', '{"data": 2}']
    for body in (b'[{"data":1}]', b"[{},{},{}]", b"{}", b"x"):
        with pytest.raises(JsonError):
            graphql.answers(sent, body)


def test_single_answers_are_objects() -> None:
    (one,) = calls({"query": "{a}"})
    assert graphql.fit(one, graphql.answer(one, b' {"data": 1.10} ')) == '{"data": 1.10}'
    for body in (b"[]", b"", b"5"):
        with pytest.raises(JsonError):
            graphql.answer(one, body)
    assert json.loads(graphql.failure(one, "it failed", 502)) == {
        "errors": [{"message": "it failed", "extensions": {"status": 502}}]
    }


@pytest.mark.parametrize(
    ("body", "is_one"), [(b'{"errors":[]}', True), (b'{"data":1}', False), (b"[]", False), (b"x", False)]
)
def test_one_error_about_the_whole_is_known(body: bytes, is_one: bool) -> None:
    assert graphql.whole_error(body) is is_one
