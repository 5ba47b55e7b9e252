"""Every outcome the room can have, each with its reason.

The value of a member is what metrics, logs and `slipstream explain` say; its sentence is for people."""

from __future__ import annotations

from gateway.api import Decision, ToldReason

NAME = "coalesce"
"""Who decides, on the trail."""


class CoalesceReason(ToldReason):
    """A reason of this room."""


class SharedReason(CoalesceReason):
    """How a request shared an upstream exchange with others."""

    LED = "led", "It went upstream, and others got its answer as well."
    FOLLOWED = "followed", "Another request for the same was already waiting upstream."
    JOINED = "joined", "The answer to another request for the same had begun, and all of it was still at hand."


class ApartReason(CoalesceReason):
    """Why a request went upstream although another one for the same was under way, or might have been."""

    SET_COOKIE = "set_cookie", "The answer sets cookies or gives credentials: it is for one client."
    PRIVATE = "private", "The answer is for one user (private), and nothing says who asked."
    IDENTITY = "identity", "The answer is not one for everybody, and somebody else asked for it."
    VARY = "vary", "The answer depends on a field (Vary) in which the requests differ."
    VARY_STAR = "vary_star", "The answer depends on more than the request (Vary: *)."
    STATUS = "status", "The status speaks of the client that asked, not of the resource."
    UPGRADED = "upgraded", "The connection changed its protocol."
    REFUSED = "refused", "The request that went upstream was refused for what it was."
    FAILED = "failed", "The request that went upstream failed."
    LEFT = "left", "The request that went upstream was given up from outside."
    LATE = "late", "The answer did not come within the time that a request waits for another one."
    FULL = "full", "As many requests as may wait for one answer did."
    WRITE = "write", "The same user changed something since the exchange began: its answer may be older than that."
    PURGED = "purged", "The answer under way was asked for before a purge, and has been of no use to this request."


FOR_ONE_CLIENT = frozenset({ApartReason.SET_COOKIE, ApartReason.PRIVATE, ApartReason.VARY_STAR})
"""Answers that the next request for the same would not be allowed to share either."""

DECISIONS: dict[CoalesceReason, Decision] = {
    reason: Decision(NAME, reason) for kind in (SharedReason, ApartReason) for reason in kind
}
"""What stands on the trail for each reason."""
