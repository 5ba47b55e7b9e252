from types import SimpleNamespace
from typing import Any

import orjson

from gateway.errors import GatewayError, UpstreamTimeoutError
from gateway.http.message import Decision, Reason, Request
from gateway.listener.record import access_record
from tests.support.plugins import make_request


class Why(Reason):
    FRESH = "fresh"


def record(request: Request, error: GatewayError | None = None, *, broken: bool = False) -> dict[str, Any]:
    """The line for an exchange that began at 0 and ended 1.5 seconds later."""
    exchange: Any = SimpleNamespace(request=request, error=error)
    return access_record(exchange, 200, 1.5, 0.0001234567, 42, broken, 1_700_000_000.12345)


def test_a_line_says_who_asked_for_what_and_how_it_went() -> None:
    fields = {"User-Agent": "probe/1", "X-Request-Id": "r-1"}
    request = make_request("PUT", "/a?b=c", fields, route="shop")
    request.upstream_wait, request.served_by, request.client = 0.5, "http://10.0.0.1", "198.51.100.1"
    request.note(Decision("cache", Why.FRESH))
    assert record(request) == {
        "time": 1_700_000_000.123,
        "client": "198.51.100.1",
        "method": "PUT",
        "scheme": "http",
        "host": "shop.example",
        "target": "/a?b=c",
        "status": 200,
        "octets": 42,
        "seconds": 1.5,
        "gateway_seconds": 0.000123,
        "upstream_seconds": 0.5,
        "route": "shop",
        "server": "http://10.0.0.1",
        "user_agent": "probe/1",
        "request_id": "r-1",
        "trail": ["cache:fresh"],
    }


def test_an_error_is_named_and_a_body_that_broke_off_is_marked() -> None:
    line = record(make_request(), UpstreamTimeoutError("no answer"), broken=True)
    assert (line["error"], line["detail"], line["broken"]) == ("timeout", "no answer", True)
    assert not {"error", "detail", "broken"} & record(make_request()).keys()


def test_secrets_in_the_target_are_masked() -> None:
    assert record(make_request(target="/a?token=s3cr3t&b=1"))["target"] == "/a?token=***&b=1"


def test_no_field_that_may_be_secret_is_in_a_line() -> None:
    request = make_request(fields={"Authorization": "Bearer s3cr3t", "Cookie": "a=s3cr3t", "X-Api-Key": "s3cr3t"})
    assert b"s3cr3t" not in orjson.dumps(record(request))


def test_what_a_stranger_chose_cannot_end_the_line_or_grow_it() -> None:
    request = make_request(fields={"User-Agent": 'x"}{\u00e9' + "a" * 1_000})
    request.authority = b"h\xff"
    line = record(request)
    assert len(line["user_agent"]) == 256
    written = orjson.dumps(line)
    assert b"\n" not in written
    assert orjson.loads(written)["host"] == "h\u00ff"
