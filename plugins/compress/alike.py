"""Answers alike: what was done with the fields of one that is left as it is, is done to all with the same octets.

Most of what an API answers is small, and left as it is. That must not cost it a second look at each of its fields."""

from __future__ import annotations

from gateway.api import Counter, Decision, Fields, Request, Response
from plugins.compress.client import Client
from plugins.compress.planning import Plan

Known = tuple[Client, int, int, Fields, Counter, Decision]
"""Whose answer it was, its status and octets, the fields it got, and how it is told."""


class Alike:
    """Remembers, beside fields that others have too, what becomes of them on one route."""

    __slots__ = ()

    def give_again(self, request: Request, plan: Plan, response: Response, length: int) -> bool:
        """Give `response` the fields that one like it had; whether there was one."""
        notes = response.fields.notes
        known: Known | None = None if notes is None else notes.get(self)
        if known is None or not _is_usual(request, plan, response):
            return False
        client, status, octets, fields, counter, decision = known
        if plan.client is not client or response.status != status or length != octets:
            return False
        counter.inc()
        request.trail.append(decision)
        response.fields = fields.again()
        return True

    def remember(
        self,
        request: Request,
        plan: Plan,
        response: Response,
        length: int,
        came: Fields,
        told: tuple[Counter, Decision],
    ) -> None:
        """Note that `response`, whose fields were `came`, was left as it is."""
        if came.notes is not None and _is_usual(request, plan, response):
            came.notes[self] = (plan.client, response.status, length, response.fields.copy(), *told)


def _is_usual(request: Request, plan: Plan, response: Response) -> bool:
    """Whether nothing but its fields, its status and its length tells it from others."""
    is_plain = response.replay is None and response.stored is None and response.upgraded is None
    return is_plain and plan.leaves is None and request.method == "GET"
