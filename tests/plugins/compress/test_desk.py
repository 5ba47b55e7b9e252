from typing import Any

import pytest

from plugins.compress.client import Clients
from plugins.compress.desk import explained
from plugins.compress.planning import plan
from plugins.compress.policy import Policy
from plugins.compress.settings import Coding, CompressSettings, OriginSees
from tests.support.plugins import FieldsLike, make_request


def told(fields: FieldsLike, **settings: Any) -> dict[str, Any]:
    policy = Policy(CompressSettings.model_validate(settings))
    return explained(plan(make_request(fields=fields), Clients(tuple(Coding), OriginSees.ACCEPTED), policy))


def test_the_coding_is_named_with_those_that_would_do_as_well() -> None:
    found = told({"Accept-Encoding": "gzip, deflate, br"})
    assert (found["decision"], found["reason"], found["codings"]) == ("br", "compressed", ["br", "gzip"])
    assert found["origin_sees"] == "br, gzip"
    assert found["why"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "not_accepted"),
        ({"Accept-Encoding": "gzip;q=0"}, "not_accepted"),
        ({"Accept-Encoding": "gzip", "Range": "bytes=0-1"}, "range"),
        ({"Accept-Encoding": "gzip", "Cookie": "a=b"}, "cookies"),
    ],
)
def test_so_is_why_nothing_is_coded(fields: dict[str, str], reason: str) -> None:
    found = told(fields, skip_cookies=True)
    assert (found["decision"], found["reason"]) == ("as it is", reason)
    assert found["why"]
