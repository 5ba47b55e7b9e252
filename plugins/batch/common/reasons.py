"""Every outcome the three parts can have, each with its reason and a sentence for people."""

from __future__ import annotations

from gateway.api import Decision, ToldReason

NAME = "batch"
"""Who decides, on the trail."""


class BatchReason(ToldReason):
    """A reason of this room."""


class ClientReason(BatchReason):
    """What became of a batch of a client."""

    ANSWERED = "answered", "Every item was sent through the gateway by itself."
    METHOD = "not_posted", "Batches are posted."
    TYPE = "not_json", "A batch is JSON and says so in Content-Type."
    TOO_MANY = "too_many", "It has more items than one batch may have."
    MALFORMED = "malformed", "It is no list of items."
    NESTED = "nested", "A batch within a batch is not taken apart."


class MergeReason(BatchReason):
    """What became of a request that a rule of merging matches."""

    MERGED = "merged", "Answered from a bulk call together with others."
    MISSING = "missing", "The bulk answer does not hold the id."
    LONE = "lone", "Nothing to share was under way, so it went upstream at once."
    NO_COMPANY = "no_company", "It waited, nobody came, and it went upstream alone."
    METHOD = "method", "Only GET requests are merged."
    CONTENT = "content", "The request has content or asks for another protocol."
    CONDITION = "condition", "The request has a condition or asks for a range, which are about a single answer."
    CODING = "coding", "The client does not take content without a coding."
    ID = "id", "The id could mean something else inside a bulk request."
    QUERY = "query", "The query has a parameter that the bulk request uses itself."
    RESTING = "resting", "Bulk calls have failed in a row and are not tried for a while."
    VARY = "vary", "The bulk answer depends on a field in which the requests differ."
    UNSURE = "unsure", "The bulk answer does not say clearly what belongs to the id."
    FAILED = "bulk_failed", "The bulk call failed, and a single call stood in for it."
    ERROR = "bulk_error", "The bulk call failed in a way that a single call would have failed as well."
    REFUSED = "refused", "The bulk call failed, and too many single calls were waiting already."


class RpcReason(BatchReason):
    """What became of an array of calls."""

    TAKEN_APART = "taken_apart", "Its calls were made singly and the answers put together."
    REDUCED = "reduced", "It was sent without the calls that it held already."
    UNCHANGED = "unchanged", "Nothing in it could be left out, so it went upstream as it came."
    NOT_AN_ARRAY = "not_an_array", "It is one call, or no JSON: it went upstream as it came."
    TOO_LARGE = "too_large", "It is larger than what is read, so it went upstream as it came."
    TOO_MANY = "too_many_calls", "It has more calls than one array may have."
    NESTED = "nested_array", "An array of calls within a batch is not taken apart."


DECISIONS = {
    reason: Decision(NAME, reason)
    for reason in (*ClientReason, *MergeReason, *RpcReason)
}  # fmt: skip
"""Made once: they hold nothing of a request."""
