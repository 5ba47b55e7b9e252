"""What a request head means here, worked out once for heads that come again."""

from __future__ import annotations

from gateway.api import Fields, Request
from plugins.compress.client import Client, Clients
from plugins.compress.conditions import has_conditions, send_inward
from plugins.compress.marking import ACCEPT_ENCODING
from plugins.compress.policy import Policy
from plugins.compress.reasons import CompressReason


class Plan:
    """What is done with a request, and what may be done with its answer."""

    __slots__ = ("client", "inward", "leaves")

    def __init__(self, client: Client, inward: Fields | None, leaves: CompressReason | None) -> None:
        self.client = client
        self.inward = inward
        """The fields that go inward in place of those that came; `None` for the same."""
        self.leaves = leaves
        """What in the request stands against coding the answer."""


def plan(request: Request, clients: Clients, policy: Policy) -> Plan:
    """Work it out. The request is not changed."""
    fields = request.fields
    client = clients.of(fields.get(b"accept-encoding"))
    inward: Fields | None = None
    is_conditional = has_conditions(fields)
    if client.inward is not None or is_conditional:
        inward = fields.copy()
        if client.inward is not None:
            inward.set(ACCEPT_ENCODING, client.inward)
        if is_conditional:
            send_inward(request.method, inward, client.forms)
    return Plan(client, inward, policy.leaves(fields if inward is None else inward))
