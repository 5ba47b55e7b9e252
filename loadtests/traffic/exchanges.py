"""The requests of the traffic, and what each must be answered."""

from dataclasses import dataclass

from loadtests.origin.content import KIB, json_content

_FIELDS = (
    "Host: loadtests.example\r\nUser-Agent: slipstream-loadtests/1\r\nAccept: application/json\r\n"
    "X-Request-Id: 5c6f1ad2-6c0e-4b77-9d55-0f6d2f1f7c11\r\n"
)
_CONTENT = json_content(KIB)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as octets, and the status and content length it must be answered with."""

    octets: bytes
    status: int
    length: int


def get(target: str, length: int) -> Exchange:
    """A GET that must be answered with 200."""
    return Exchange(f"GET {target} HTTP/1.1\r\n{_FIELDS}\r\n".encode(), 200, length)


def post(target: str, content: bytes) -> Exchange:
    """A POST to the sink, which says how much it received."""
    head = (
        f"POST {target} HTTP/1.1\r\n{_FIELDS}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return Exchange(head.encode() + content, 200, len(f'{{"received": {len(content)}}}'))


MIX: tuple[Exchange, ...] = (
    *(get("/json/1k", KIB),) * 12,
    *(get("/json/10k", 10 * KIB),) * 5,
    get("/json/100k", 100 * KIB),
    *(post("/sink", _CONTENT),) * 2,
)
"""Asked in turn: mostly small documents, a large one and some writes."""
