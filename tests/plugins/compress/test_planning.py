from plugins.compress.client import Clients
from plugins.compress.planning import Plan, plan
from plugins.compress.policy import Policy
from plugins.compress.reasons import CompressReason
from plugins.compress.settings import Coding, CompressSettings, OriginSees
from tests.support.plugins import FieldsLike, make_request, pairs


def planned(fields: FieldsLike, method: str = "GET", **settings: object) -> Plan:
    request = make_request(method, fields=fields)
    came = pairs(request.fields)
    found = plan(
        request, Clients(tuple(Coding), OriginSees.ACCEPTED), Policy(CompressSettings.model_validate(settings))
    )
    assert pairs(request.fields) == came, "the request itself is not changed"
    return found


def test_a_request_that_need_not_change_goes_inward_as_it_is() -> None:
    for fields in ({}, {"Accept-Encoding": "gzip"}, {"If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"}):
        assert planned(fields).inward is None


def test_what_it_accepts_goes_inward_in_one_way_of_writing() -> None:
    found = planned({"Host": "shop.example", "Accept-Encoding": "gzip, deflate, br", "Accept": "*/*"})
    assert found.inward is not None
    assert pairs(found.inward) == [("Host", "shop.example"), ("Accept-Encoding", "br, gzip"), ("Accept", "*/*")]
    assert found.client.codings == (Coding.BR, Coding.GZIP)


def test_conditions_go_inward_in_the_words_of_the_origin() -> None:
    found = planned({"Accept-Encoding": "br", "If-None-Match": '"a-br"'})
    assert found.inward is not None
    assert pairs(found.inward) == [("Accept-Encoding", "br"), ("If-None-Match", '"a"')]
    found = planned({"If-Match": '"a-br"'}, method="PUT")
    assert found.inward is not None
    assert found.inward.get(b"if-match") == b'"a"'


def test_a_request_for_a_part_gets_none_of_coded_content() -> None:
    assert planned({"Accept-Encoding": "br", "Range": "bytes=0-9"}).leaves is CompressReason.RANGE
    found = planned({"Accept-Encoding": "br", "Range": "bytes=5-", "If-Range": '"a-br"'})
    assert found.leaves is None  # it is for the whole now
    assert found.inward is not None
    assert pairs(found.inward) == [("Accept-Encoding", "br")]


def test_cookies_count_where_they_are_said_to() -> None:
    assert planned({"Cookie": "a=b"}, skip_cookies=True).leaves is CompressReason.COOKIES
    assert planned({"Cookie": "a=b"}).leaves is None
