"""A tunnel opens only after the 101 that was asked for."""

import pytest

from gateway.errors import UpstreamProtocolError
from gateway.http.fields import Fields
from gateway.http.message import Request, Response
from gateway.upstream.member import Memory
from gateway.upstream.upgrade import check_switch, stay_counted, websocket_accept
from gateway.websocket.tunnel import UpgradedUpstream
from tests.support.transports import FakeTransport

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def asking(protocol: bytes | None = b"websocket") -> Request:
    request = Request("GET", b"/", Fields([(b"Sec-WebSocket-Key", KEY)]))
    request.upgrade = protocol
    return request


def agreeing(accept: bytes | None = ACCEPT) -> Response:
    return Response(101, Fields([] if accept is None else [(b"Sec-WebSocket-Accept", accept)]))


def test_the_accept_is_the_one_of_the_standard() -> None:
    assert websocket_accept(KEY) == ACCEPT


@pytest.mark.parametrize("protocol", [b"websocket", b"WebSocket"])
def test_the_right_answer_to_the_right_question_passes(protocol: bytes) -> None:
    check_switch(asking(), agreeing(), protocol)


@pytest.mark.parametrize(
    ("request_", "response", "protocol"),
    [
        (asking(None), agreeing(), b"websocket"),
        (asking(), agreeing(), None),
        (asking(), agreeing(), b"h2c"),
        (asking(), agreeing(None), b"websocket"),
        (asking(), agreeing(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOO="), b"websocket"),
    ],
    ids=["nobody asked", "no protocol", "another protocol", "no accept", "wrong accept"],
)
def test_anything_else_opens_no_tunnel(request_: Request, response: Response, protocol: bytes | None) -> None:
    with pytest.raises(UpstreamProtocolError):
        check_switch(request_, response, protocol)


def test_another_protocol_than_websocket_needs_no_accept() -> None:
    check_switch(asking(b"raw"), agreeing(None), b"raw")


async def test_an_upgraded_connection_counts_as_long_as_it_lasts() -> None:
    server, told = Memory(), list[str]()
    upgraded = UpgradedUpstream(FakeTransport(), b"", lambda: told.append("ended"))
    stay_counted(server, upgraded)
    assert server.upgraded == 1
    upgraded.ended()
    assert (server.upgraded, told) == (0, ["ended"])
