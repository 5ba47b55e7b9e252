"""A plugin of somebody else's that fails as its request says: `raise`, `raise after`, `hang`, `hang after`."""

from __future__ import annotations

import asyncio

from gateway.api import Handler, Plugin, Request, Response, Settings


class UnreliableSettings(Settings):
    """No settings."""


class Unreliable(Plugin):
    """Fails on demand."""

    Settings = UnreliableSettings

    def wrap(self, inner: Handler) -> Handler:
        async def fail(how: bytes) -> None:
            if how == b"raise":
                raise ZeroDivisionError("a mistake of the plugin")
            await asyncio.Event().wait()

        async def handle(request: Request) -> Response:
            how, _, when = (request.fields.get(b"x-fail") or b"").partition(b" ")
            request.fields.set(b"X-Seen", b"1")
            if how and not when:
                await fail(how)
            response = await inner(request)
            if how:
                await fail(how)
            response.fields.set(b"X-Seen", b"1")
            return response

        return handle
