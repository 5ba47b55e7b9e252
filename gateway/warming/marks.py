"""How the gateway's own requests are told from those of clients."""

from __future__ import annotations

from gateway.http.message import OWN, Reason

BY = OWN
"""Who decided, on the trail of a request that warms."""
CLIENT = "warming"
"""What stands in the access log where requests of clients have an address."""


class WarmingReason(Reason):
    """Why there is a request that no client sent."""

    ASKED = "asked"
    """A run asked for it."""
    LIST = "list"
    """A run wants to read a list of URLs."""
