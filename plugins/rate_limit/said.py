"""What answers say about limits: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gateway.api import Fields
from plugins.rate_limit.gcra import Gcra, Standing


def policy_member(name: str, rule: Gcra) -> bytes:
    """One member of `RateLimit-Policy`: quota and window in seconds."""
    return b'"%b";q=%d;w=%d' % (name.encode(), rule.quota, round(rule.window))


def limit_member(name: bytes, standing: Standing) -> bytes:
    """One member of `RateLimit`: what is left, and in how many seconds there is more. For a limit that refuses that is
    when to come again, the same moment as in `Retry-After`."""
    seconds = standing.reset if standing.fits else standing.wait
    return b'"%b";r=%d;t=%d' % (name, standing.remaining if standing.fits else 0, math.ceil(seconds))


def tightest(standings: Sequence[Standing]) -> int:
    """Which limit is nearest to its end."""
    return min(range(len(standings)), key=lambda at: (standings[at].fits, standings[at].remaining))


def add_legacy(fields: Fields, rule: Gcra, standing: Standing) -> None:
    """The three fields from before the draft, which many clients know."""
    seconds = standing.reset if standing.fits else standing.wait
    fields.set(b"X-RateLimit-Limit", b"%d" % rule.burst)
    fields.set(b"X-RateLimit-Remaining", b"%d" % (standing.remaining if standing.fits else 0))
    fields.set(b"X-RateLimit-Reset", b"%d" % math.ceil(seconds))
