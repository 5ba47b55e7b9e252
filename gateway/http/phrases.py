"""Reason phrases of status codes (RFC 9110 §15). No I/O."""

from __future__ import annotations

from http import HTTPStatus

_NAMED_ANEW = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""RFC 9110 gave them other names, which Python has since 3.13."""
_PHRASES = {status.value: status.phrase for status in HTTPStatus} | _NAMED_ANEW


def phrase(status: int) -> str:
    """The usual reason phrase, empty for a status without one."""
    return _PHRASES.get(status, "")
