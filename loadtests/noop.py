"""Five plugins that do nothing, to measure what a link of the chain costs by itself.

A plugin may stand in a chain once, so each link has a class of its own.
"""

from gateway.api import Handler, Plugin, Request, Response, Settings


class NoopSettings(Settings):
    """There is nothing to set."""


class Noop(Plugin):
    """Hands the request on and the response back, as a coroutine like any real plugin."""

    Settings = NoopSettings
    replay_safe = True

    def wrap(self, inner: Handler) -> Handler:
        """One more await on the way."""

        async def handle(request: Request) -> Response:
            return await inner(request)

        return handle


class Noop1(Noop):
    """The outermost link."""


class Noop2(Noop):
    """The second link."""


class Noop3(Noop):
    """The third link."""


class Noop4(Noop):
    """The fourth link."""


class Noop5(Noop):
    """The innermost link."""
