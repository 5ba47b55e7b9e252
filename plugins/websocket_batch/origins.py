"""Which pages may connect, by their origin (RFC 6455 §10.2, RFC 6454 §6.2). Browsers ask no one else: WebSockets know
no CORS."""

import re
from collections.abc import Iterable

_ORIGIN = re.compile(r"(https?)://((?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_LABELS = re.compile(rb"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
SAME = "same"


def check_origin(text: str) -> str:
    """`text` as browsers write it. Raises ValueError with words for what is no origin."""
    if text in (SAME, "null"):
        return text
    match = _ORIGIN.fullmatch(text.lower())
    if match is None or ".." in match[2] or (match[2].startswith("*.") and "." not in match[2][2:]):
        raise ValueError("must be an origin such as https://app.example.com or https://*.example.com, or same")
    scheme, host, port = match.groups()
    return f"{scheme}://{host}{'' if port is None or port == _DEFAULT_PORTS[scheme] else port}"


class AllowedOrigins:
    """The origins of the settings, ready to be asked."""

    __slots__ = ("_below", "_exact", "_same")

    def __init__(self, origins: Iterable[str]) -> None:
        texts = [check_origin(text) for text in origins]
        self._same = SAME in texts
        self._exact = frozenset(text.encode() for text in texts if text != SAME and "*" not in text)
        self._below = tuple(
            (before.encode(), after.encode()) for before, star, after in (text.partition("*") for text in texts) if star
        )

    def __bool__(self) -> bool:
        """Whether any origin is named at all."""
        return bool(self._same or self._exact or self._below)

    def allows(self, origin: bytes | None, scheme: str, authority: bytes) -> bool:
        """Whether a page of `origin` may connect to `authority`. Programs that say none are no pages."""
        if origin is None or not self or origin in self._exact:
            return True
        if self._same and origin == _own(scheme, authority):
            return True
        for before, after in self._below:
            if origin.startswith(before) and origin.endswith(after) and len(origin) <= 512:
                middle = origin[len(before) : len(origin) - len(after)]
                if _LABELS.fullmatch(middle):
                    return True
        return False


def _own(scheme: str, authority: bytes) -> bytes:
    scheme = "https" if scheme in ("https", "wss") else "http"
    return b"%b://%b" % (scheme.encode(), authority.lower().removesuffix(_DEFAULT_PORTS[scheme].encode()))
