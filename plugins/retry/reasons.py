"""What was tried again and why, and what was not and why not."""

from __future__ import annotations

from gateway.api import Reason


class RetryReason(Reason):
    """A decision about a further attempt. The value is what metrics and logs say."""

    CONNECT = "connect"
    """There was no connection."""
    CLOSED = "closed"
    """The connection was closed or reset before an answer."""
    TIMEOUT = "timeout"
    """No answer came in time."""
    BROKEN = "broken"
    """A short answer broke off, and nothing of it had gone to the client."""
    PROTOCOL = "protocol"
    """The answer was not HTTP."""
    STATUS = "status"
    """The answer had a status that is tried again."""
    HEDGE = "hedge"
    """A second server was asked, since the first was later than most."""


class StopReason(Reason):
    """Why there was no further attempt at a request that failed."""

    NOT_REPEATABLE = "not_repeatable"
    """The upstream may have acted on it, and doing so twice may do harm."""
    BODY = "body"
    """Its body is used up."""
    ATTEMPTS = "attempts"
    """There have been as many as there may be."""
    BUDGET = "budget"
    """The budget of the upstream is used up."""
    DEADLINE = "deadline"
    """There is no time left."""
    RETRY_AFTER = "retry_after"
    """The upstream wants to be left alone for too long."""
