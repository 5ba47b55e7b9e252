from gateway.api import Decision
from plugins.cache.reasons import HitReason
from plugins.cache.sending import for_refresh, sent_as
from tests.support.plugins import fields_of, make_request, pairs


def test_what_goes_upstream_differs_in_fields_and_target_alone() -> None:
    request = make_request("QUERY", "/a?utm=1", {"Host": "shop.example"}, b"content", scheme="https", route="shop")
    request.attributes, request.upstream_wait, request.trailers = {"word": 1}, 0.5, True
    request.client, request.scheme = "192.0.2.1", "http"
    request.interim = lambda status, fields: None
    sent = sent_as(request, fields_of({"Host": "other"}), b"/a")
    assert (sent.target, pairs(sent.fields)) == (b"/a", [("Host", "other")])
    for name in vars(request):
        if name not in ("fields", "target"):
            assert getattr(sent, name) is getattr(request, name), name
    assert (request.target, pairs(request.fields)) == (b"/a?utm=1", [("Host", "shop.example")])


def test_nothing_is_left_out_that_a_request_may_have() -> None:
    """A new attribute of requests has to be thought of here."""
    request = make_request()
    known = {"upgrade", "offers_replay"}  # without an upgrade; ours
    known |= {"epoch", "outdated"}  # the cache's own words
    known |= {"served_by", "error_fields", "made_good"}  # said on the way back
    defaults = {name for name, value in vars(type(request)).items() if not name.startswith("_") and not callable(value)}
    copied = set(vars(sent_as(request, request.fields, request.target)))
    assert {name for name in defaults if not isinstance(vars(type(request))[name], property)} - copied == known


def test_a_refresh_asks_for_the_whole_without_the_clients_own_wishes() -> None:
    request = make_request(
        "HEAD",
        fields={
            "Host": "shop.example",
            "Accept": "text/html",
            "Cookie": "a=1",
            "Range": "bytes=0-1",
            "If-Range": '"a"',
            "If-None-Match": '"a"',
            "If-Modified-Since": "x",
            "If-Match": "*",
            "If-Unmodified-Since": "x",
            "Expect": "100-continue",
            "Cache-Control": "no-store",
            "Pragma": "no-cache",
        },
    )
    request.trail.append(Decision("cache", HitReason.FRESH))
    request.interim = lambda status, fields: None
    request.attributes = {}
    request.upstream_wait = 1.0
    own = for_refresh(request)
    assert own.method == "GET"
    assert [name for name, _ in pairs(own.fields)] == ["Host", "Accept", "Cookie"]
    assert (own.trail, own.interim, own.attributes, own.upstream_wait) == ([], None, None, 0.0)
    assert len(request.trail) == 1
    assert len(request.fields) == 12


def test_a_refresh_of_a_query_keeps_its_content() -> None:
    own = for_refresh(make_request("QUERY", body=b"select"))
    assert (own.method, own.body) == ("QUERY", b"select")
