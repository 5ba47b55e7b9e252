"""Ids of requests: which to keep, which to replace."""

import re
from collections.abc import Callable

from gateway.api import Reason

_WELL_FORMED = re.compile(rb"[A-Za-z0-9._~:+/=@-]{1,128}")


class RequestIdReason(Reason):
    """What became of the id that a request brought."""

    KEPT = "kept"
    NEW = "new"
    """It brought none."""
    UNTRUSTED = "untrusted"
    """It brought one, but is not one of those who may."""
    MALFORMED = "malformed"
    """It brought something that could disturb a log, or several."""


def is_well_formed(value: bytes) -> bool:
    """Whether an id can be written to logs and fields as it is."""
    return _WELL_FORMED.fullmatch(value) is not None


def choose(brought: bytes | None, may_bring: bool, new: Callable[[], bytes]) -> tuple[bytes, RequestIdReason]:
    """The id of a request, and why it is that one."""
    if brought is None:
        return new(), RequestIdReason.NEW
    if not may_bring:
        return new(), RequestIdReason.UNTRUSTED
    if not is_well_formed(brought):
        return new(), RequestIdReason.MALFORMED
    return brought, RequestIdReason.KEPT
