"""What Redis is to tell by itself, and who wants to hear it: messages on channels, and changes of keys. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog

Hear = Callable[[bytes], None]
Changed = Callable[[Sequence[bytes] | None], None]
"""Gets the keys that were changed, removed or have expired, or `None`: everything may have been."""

Command = tuple[bytes | str, ...]


class Channels:
    """Who listens to what."""

    def __init__(self) -> None:
        self._hearers: dict[bytes, list[Hear]] = {}
        self._tracked: dict[bytes, list[Changed]] = {}

    def listen(self, channel: bytes, hear: Hear) -> Command | None:
        """Tell `hear` of messages; the command for that if it takes one."""
        hearers = self._hearers.setdefault(channel, [])
        hearers.append(hear)
        return ("SUBSCRIBE", channel) if len(hearers) == 1 else None

    def unlisten(self, channel: bytes, hear: Hear) -> Command | None:
        """The opposite."""
        hearers = self._hearers.get(channel, [])
        if hear in hearers:
            hearers.remove(hear)
            if not hearers:
                del self._hearers[channel]
                return ("UNSUBSCRIBE", channel)
        return None

    def track(self, prefix: bytes, changed: Changed) -> Command | None:
        """Tell `changed` of all changes to keys with a prefix; the command for that if it takes one. No prefix may be
        the beginning of another one."""
        is_new = prefix not in self._tracked
        self._tracked.setdefault(prefix, []).append(changed)
        return _tracking(prefix) if is_new else None

    def untrack(self, prefix: bytes, changed: Changed) -> None:
        """The opposite. Redis goes on telling it."""
        if changed in (hearers := self._tracked.get(prefix, [])):
            hearers.remove(changed)

    def tracking(self) -> list[Command]:
        """What a new connection to a server that has keys begins with."""
        return [_tracking(prefix) for prefix in self._tracked]

    def subscriptions(self) -> list[Command]:
        """What a new connection to the server with the channels begins with."""
        return [("SUBSCRIBE", channel) for channel in self._hearers]

    def hear(self, push: Sequence[Any]) -> None:
        """Hand on what Redis said."""
        if len(push) == 3 and push[0] == b"message":
            for hear in list(self._hearers.get(push[1], ())):
                _tell(hear, push[2])
        elif len(push) == 2 and push[0] == b"invalidate":
            self._changed(push[1])

    def _changed(self, keys: Sequence[bytes] | None) -> None:
        for prefix, hearers in self._tracked.items():
            own = None if keys is None else [key for key in keys if key.startswith(prefix)]
            if own is None or own:
                for changed in list(hearers):
                    _tell(changed, own)


def _tracking(prefix: bytes) -> Command:
    return ("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", prefix, "NOLOOP")


def _tell(whom: Callable[[Any], None], what: Any) -> None:
    """One that fails must not keep others from hearing."""
    try:
        whom(what)
    except Exception as error:
        structlog.get_logger("slipstream.redis").error("what Redis told could not be used", exc_info=error)
