"""Why an answer was coded, or was not: for the trail, the metrics and the manual."""

from gateway.api import Reason


class CompressReason(Reason):
    """What became of an answer's content."""

    COMPRESSED = "compressed"
    """Coded for this answer."""
    KEPT = "kept"
    """Coded before, and kept beside the stored response."""
    DECODED = "decoded"
    """The origin's coding was taken off: the client cannot read it."""
    RECODED = "recoded"
    """The origin's coding was replaced by one that the client can read."""
    NOT_MODIFIED = "not_modified"
    """304: there is no content."""
    NO_CONTENT = "no_content"
    """Nor is there any for this status."""
    NOT_ACCEPTED = "not_accepted"
    """The client accepts none of our codings, or would rather have the content as it is."""
    CODED = "coded"
    """It came in a coding that the client can read, or that we cannot."""
    NO_TRANSFORM = "no_transform"
    """Cache-Control of the answer forbids to touch it (RFC 9110 §7.7), or that of the request asks for it as it is."""
    TYPE = "type"
    """Its media type is none of those that are worth it."""
    SMALL = "small"
    """It is smaller than `min_size`."""
    PARTIAL = "partial"
    """It is a part of something."""
    RANGE = "range"
    """The client asked for a part: it may put together what it gets."""
    COOKIES = "cookies"
    """The request had cookies, and `skip_cookies` is set."""
    NOT_SMALLER = "not_smaller"
    """Coded it would be no smaller."""
    BUSY = "busy"
    """The worker is late already, or all threads are taken."""


SENTENCES = {
    CompressReason.COMPRESSED: "the client accepts it, and the type of most pages and calls is worth it",
    CompressReason.NOT_ACCEPTED: "the client accepts none of the codings, or would rather have the content as it is",
    CompressReason.RANGE: "the client asks for a part, and parts of coded content are never given",
    CompressReason.NO_TRANSFORM: "the client asks for the content as it is (no-transform)",
    CompressReason.COOKIES: "the request has cookies, and skip_cookies is set",
}
"""What `explain` says, about what can be known before there is an answer."""
