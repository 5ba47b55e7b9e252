"""The threads of a worker that compress, and how late its loop is: what all routes share, and a reload keeps."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

_LOWEST_PRIORITY = 19
"""Of a thread, in the words of nice(1). On Linux each thread has a priority of its own."""
_FORGETS = 0.7
"""How much of an old lateness still counts at the next look."""
_MUCH = 5.0
"""How many times `busy_after` is more than the lowest levels can make up for."""
LOOK_EVERY = 0.1
"""Seconds between two looks at how late the loop is: ten a second cost nothing that could be measured."""
MOST_BEHIND = 64
"""Stored responses that may wait to be compressed once more; what does not fit in comes again with its next uses."""


class Ends(Protocol):
    """What can be told to end."""

    def cancel(self) -> None: ...


class Lateness:
    """How late the loop comes to its timers: the latest, or what is left of an earlier one that was worse."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        """A timer went off so late."""
        self.seconds = max(seconds, self.seconds * _FORGETS)

    def is_busy(self, after: float) -> bool:
        """Whether the lowest levels are called for, where a loop may come `after` seconds late."""
        return self.seconds >= after

    def is_overrun(self, after: float) -> bool:
        """Whether even those are too much."""
        return self.seconds >= _MUCH * after


class Workshop:
    """Two pools: for what somebody waits for, and one thread of the lowest priority for what nobody does."""

    def __init__(self, threads: int) -> None:
        self.lateness = Lateness()
        self.waiting = 0
        """Answers that wait for a thread, or are with one."""
        self.behind = 0
        """Stored responses to be compressed once more."""
        self.looking: Ends | None = None
        """Whoever looks at the loop, as long as anybody uses this."""
        self._threads = threads
        self._members: set[int] = set()
        self._now: ThreadPoolExecutor | None = None
        self._later: ThreadPoolExecutor | None = None
        self._closed = threading.Event()

    def join(self, member: object) -> None:
        """A route begins to use it."""
        self._members.add(id(member))
        self._closed.clear()

    def leave(self, member: object) -> None:
        """A route no longer uses it, if it ever did. With the last one goes all that is here; threads end soon."""
        self._members.discard(id(member))
        if self._members:
            return
        self._closed.set()
        looking, self.looking = self.looking, None
        if looking is not None:
            looking.cancel()
        pools, self._now, self._later = (self._now, self._later), None, None
        for pool in pools:
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    def is_going(self) -> bool:
        """Whether work that takes long is still wanted. For the threads."""
        return not self._closed.is_set()

    @property
    def now(self) -> ThreadPoolExecutor:
        """The threads for what somebody waits for; started when they are needed."""
        if self._now is None:
            self._now = ThreadPoolExecutor(self._threads, thread_name_prefix="compress")
        return self._now

    @property
    def later(self) -> ThreadPoolExecutor:
        """The thread for what nobody waits for."""
        if self._later is None:
            self._later = ThreadPoolExecutor(1, thread_name_prefix="compress-later", initializer=_step_back)
        return self._later


def _step_back() -> None:
    """Let everything else on the machine go first."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
