"""The classes of fault that the tables go through. Every case names its class by number."""

from __future__ import annotations

REQUEST_FAULTS = {
    1: "Content-Length beside Transfer-Encoding",
    2: "Content-Length twice, unequal or malformed",
    3: "Transfer-Encoding in disguise",
    4: "Transfer-Encoding in HTTP/1.0",
    5: "chunks with wrong sizes or line ends",
    6: "chunk extensions",
    7: "trailers that are none",
    8: "control octets",
    9: "field lines out of shape",
    10: "Host missing, twice or malformed",
    11: "absolute targets",
    12: "targets of other forms",
    13: "Connection nominating fields",
    14: "upgrade to h2c",
    15: "upgrade to WebSocket that does not happen",
    16: "pipelining",
    17: "expectations",
    18: "content where none is usual",
    19: "oversized heads",
    20: "slow requests",
    33: "oversized content",
    36: "targets that invite to be normalised",
    39: "many ranges",
    54: "paths of the administrator",
    56: "text that wants to be a log line or a field",
    57: "forged forwarding fields",
}

RESPONSE_FAULTS = {
    23: "no answer at all",
    24: "content that breaks off",
    25: "chunked content out of shape",
    26: "octets past the end",
    27: "Content-Length twice, unequal or malformed",
    28: "Content-Length beside Transfer-Encoding",
    29: "no HTTP, or a status out of range",
    30: "field lines out of shape",
    31: "silence and dripping",
    32: "interim responses",
    33: "an early final answer",
    34: "content coding that does not fit",
}

VALID = 0
"""No fault: unusual, but to be served."""
