"""What became of a request with a key, and of its answer."""

from gateway.api import Reason


class IdempotencyReason(Reason):
    """What became of a request."""

    FIRST = "first"
    REPLAYED = "replayed"
    """Its answer was there."""
    RUNNING = "running"
    """The same key is under way: 409."""
    MISMATCH = "mismatch"
    """The key was used for another request: 422."""
    GONE = "gone"
    """It was carried out, and its answer was too large to keep: 409."""
    MISSING = "missing"
    """It has no key and needs one: 400."""
    MALFORMED = "malformed"
    """Its key cannot be read: 400."""
    CROWDED = "crowded"
    """Too many are under way: 503."""
    WITHOUT_STORE = "without_store"
    """The store failed, and it was carried out without being remembered."""


class KeptReason(Reason):
    """What became of an answer."""

    KEPT = "kept"
    TOO_LARGE = "too_large"
    STATUS = "status"
    """Its status is among those that are not kept."""
    FAILED = "failed"
    """There was none, or it broke off."""
    UNFINISHED = "unfinished"
    """It came before the request's content had, so what was asked is not known as a whole."""
    STORE_FAILED = "store_failed"
