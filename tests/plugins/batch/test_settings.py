from typing import Any

import pytest
from pydantic import ValidationError

from plugins.batch.settings import BatchSettings

RULE = {"match": "/users/{id}", "bulk": "/users?ids={ids}"}


def settings(**given: Any) -> BatchSettings:
    return BatchSettings.model_validate(given)


def test_without_a_word_every_part_is_off() -> None:
    assert (settings().client, settings().merge, settings().rpc) == (None, (), ())


def test_one_rule_or_a_list_of_them() -> None:
    assert settings(merge=RULE) == settings(merge=[RULE])
    assert settings(rpc={}) == settings(rpc=[{}])


def test_they_survive_their_way_to_a_worker() -> None:
    given = settings(
        client={}, merge={**RULE, "by": "a/b", "items": "/data"}, rpc={"protocol": "graphql", "send": "array"}
    )
    assert BatchSettings.model_validate_json(given.model_dump_json()) == given
    assert given.merge[0].by == "/a~1b"


@pytest.mark.parametrize(
    ("match", "bulk"),
    [
        ("/shops/{shop}/items/{id}", "/shops/{shop}/items?ids={ids}"),
        ("/users/{id}.json", "/users/{ids}.json"),
        ("/users/{id}", "/users?filter[id]={ids}&page=100"),
        ("/users/user-{id}", "/users?ids={ids}"),
    ],
)
def test_templates_that_fit(match: str, bulk: str) -> None:
    assert settings(merge={"match": match, "bulk": bulk}).merge[0].match == match


@pytest.mark.parametrize(
    "merge",
    [
        {"match": "/users", "bulk": "/users?ids={ids}"},
        {"match": "users/{id}", "bulk": "/users?ids={ids}"},
        {"match": "/users/{id}?a", "bulk": "/users?ids={ids}"},
        {"match": "/users/{id}{shop}", "bulk": "/users?ids={ids}"},
        {"match": "/{id}/{id}", "bulk": "/users?ids={ids}"},
        {"match": "/users/{Id}", "bulk": "/users?ids={ids}"},
        {"match": "/users/{id", "bulk": "/users?ids={ids}"},
        {"match": "/users/{id}", "bulk": "/users"},
        {"match": "/users/{id}", "bulk": "users?ids={ids}"},
        {"match": "/users/{id}", "bulk": "/users?ids={ids}#x"},
        {"match": "/users/{id}", "bulk": "/{shop}?ids={ids}"},
        {"match": "/users/{id}", "bulk": "/users?ids={ids}&id={id}"},
        {"match": "/users/{id}", "bulk": "/users?ids={ids}&{"},
        {**RULE, "max": 1},
        {**RULE, "window": "0s"},
        {**RULE, "window": "2s"},
        {**RULE, "separator": "#"},
        {**RULE, "separator": ""},
        {**RULE, "items": "data"},
        {**RULE, "wrap": "/~2"},
        {**RULE, "ignore": ["Cookie"]},
        {**RULE, "ignore": ["auth*"]},
        {**RULE, "ignore": ["*"]},
        {**RULE, "ignore": ["a*b"]},
        {**RULE, "fields": ["Set-Cookie"]},
        {**RULE, "fields": ["ETag"]},
        {**RULE, "fallback": 0},
    ],
)
def test_rules_that_cannot_work_are_refused(merge: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(merge=merge)


@pytest.mark.parametrize(
    "client",
    [
        {"path": "batch"},
        {"path": "/batch*"},
        {"path": "/batch?x"},
        {"methods": ["CONNECT"]},
        {"methods": ["a b"]},
        {"paths": ["api/*"]},
        {"paths": ["/a*b"]},
        {"inherit": ["Host"]},
        {"inherit": ["Connection"]},
        {"items": 0},
        {"concurrency": 0},
        {"timeout": "0s"},
        {"max_answer": 0},
    ],
)
def test_batches_that_cannot_work_are_refused(client: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(client=client)


@pytest.mark.parametrize("rpc", [{"path": "rpc"}, {"safe": ["a*b"]}, {"safe": [""]}, {"protocol": "soap"}, {"max": 0}])
def test_endpoints_that_cannot_work_are_refused(rpc: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(rpc=rpc)


def test_no_path_is_two_things() -> None:
    with pytest.raises(ValidationError, match="same path"):
        settings(rpc=[{}, {}])
    with pytest.raises(ValidationError, match="same path"):
        settings(client={"path": "/rpc"}, rpc={})
