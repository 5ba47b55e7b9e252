"""The requests of the traffic are what the origin expects."""

from loadtests.origin.routes import Document, Sink, answer
from loadtests.traffic.exchanges import MIX, get, post


def test_every_request_of_the_mix_gets_what_it_asks_the_client_to_expect() -> None:
    for exchange in MIX:
        _, target, _ = exchange.octets.split(b" ", 2)
        match answer(target.decode()):
            case Document(content=content):
                assert exchange.length == len(content)
            case Sink():
                received = len(exchange.octets.partition(b"\r\n\r\n")[2])
                assert exchange.length == len(f'{{"received": {received}}}')
            case other:
                raise AssertionError(f"{target!r} is answered by {other}")


def test_a_post_says_how_long_its_content_is() -> None:
    head, _, content = post("/sink", b"abc").octets.partition(b"\r\n\r\n")
    assert content == b"abc"
    assert b"Content-Length: 3" in head
    assert b"Content-Length" not in get("/json/1k", 1024).octets
