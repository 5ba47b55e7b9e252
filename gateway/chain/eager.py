"""The light task a request runs in, and the future that resumes it without the loop.

`EagerTask` is a third-party task implementation as asyncio's "Extending" page allows: it runs the first step
at once, in the caller's own call (a hit never becomes work for the loop), and counts as `current_task()`
while it runs, so that `asyncio.timeout`, cancellation and libraries that look for their task work as usual.

`Waiter` is a future for one waiting coroutine. Woken inside a protocol's callback it resumes an `EagerTask`
there and then: the response goes through the chain and out in the same call in which it came in. In an
ordinary `asyncio.Task` it behaves like an ordinary future.

The steps of one task see one context, as in asyncio: a context variable set for one request is not seen by
the next one on the same connection."""

from __future__ import annotations

import asyncio
from asyncio.tasks import _enter_task, _leave_task  # the documented hooks for task implementations
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
_NOT_YET: Any = object()


class Waiter(Generic[T]):
    """A future that one coroutine awaits once. Set it last: setting it may run the waiting coroutine."""

    # Defaults on the class: one is made for every request, and most of them need only what changes.
    _asyncio_future_blocking = False
    _result: T = _NOT_YET
    _error: BaseException | None = None
    _task: EagerTask | None = None
    _callbacks: list[tuple[Callable[[Any], object], Context | None]] | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    def __await__(self) -> Generator[Any, None, T]:
        if self._result is _NOT_YET and self._error is None:
            self._asyncio_future_blocking = True
            yield self
        if self._error is not None:
            raise self._error
        return self._result

    def done(self) -> bool:
        """Whether a result, an error or a cancellation has been set."""
        return self._result is not _NOT_YET or self._error is not None

    def cancelled(self) -> bool:
        """Whether `cancel` ended it."""
        return isinstance(self._error, asyncio.CancelledError)

    def result(self) -> T:
        """The result; raises the error that was set instead, InvalidStateError before either."""
        if self._error is not None:
            raise self._error
        if self._result is _NOT_YET:
            raise asyncio.InvalidStateError("nothing has been set yet")
        return self._result

    def exception(self) -> BaseException | None:
        """The error that was set, if any."""
        if self._result is _NOT_YET and self._error is None:
            raise asyncio.InvalidStateError("nothing has been set yet")
        return self._error

    def set_result(self, result: T) -> None:
        """Wake the waiting coroutine with a result; ignored when it was woken before."""
        if self._result is _NOT_YET and self._error is None:
            self._result = result
            task = self._task
            if task is not None:
                task.resume()
            elif self._callbacks:
                self._schedule()

    def set_exception(self, error: BaseException) -> None:
        """Wake the waiting coroutine with an error; ignored when it was woken before."""
        if self._result is _NOT_YET and self._error is None:
            self._error = error
            task = self._task
            if task is not None:
                task.resume()
            elif self._callbacks:
                self._schedule()

    # --- what asyncio.Task asks of a future ------------------------------------------------

    def cancel(self, msg: Any = None) -> bool:
        """Wake the waiting coroutine with CancelledError, at the loop's next turn."""
        if self.done():
            return False
        self._error = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        if self._task is not None:
            self._task.resume_soon()
        elif self._callbacks:
            self._schedule()
        return True

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        """Call back, at the loop's next turn, once it is done."""
        if self._callbacks is None:
            self._callbacks = []
        self._callbacks.append((callback, context))
        self.get_loop()
        if self.done():
            self._schedule()

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        """Forget a callback; how many there were."""
        before = self._callbacks or []
        self._callbacks = [entry for entry in before if entry[0] != callback]
        return len(before) - len(self._callbacks)

    def _schedule(self) -> None:
        callbacks, self._callbacks = self._callbacks or [], None
        loop = self.get_loop()
        for callback, context in callbacks:
            loop.call_soon(callback, self, context=context)


class Keeper(Protocol):
    """Knows of others who wait for what a task is doing."""

    def keeps(self) -> bool:
        """Whether the task has to go on although whoever it ran for is gone. If so the keeper cancels it when nobody
        waits any more, and the task ends by itself once the others have what they waited for."""


class EagerTask:
    """Runs one coroutine. A subclass says in `succeeded` and `failed` what to do with its end."""

    # Defaults on the class, as above.
    keeper: Keeper | None = None
    """Set for as long as others may come to depend on the task."""
    _waiting: Any = None
    _must_cancel = False
    _cancel_requests = 0
    finished = False

    def __init__(self, coro: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> None:
        self._coro = coro
        self._loop = loop
        self._context = copy_context()

    def succeeded(self, result: Any) -> None:
        """The coroutine returned. Called outside the task."""

    def failed(self, error: BaseException) -> None:
        """The coroutine raised, CancelledError included. Called outside the task."""

    def resume(self) -> None:
        """Take the next step now, or at the loop's next turn when another task is in the middle of its own."""
        loop = self._loop
        try:
            _enter_task(loop, self)  # type: ignore[arg-type]  # any object that behaves as a task may enter
        except RuntimeError:
            loop.call_soon(self.resume)
            return
        self._waiting = None
        try:
            if self._must_cancel:
                self._must_cancel = False
                waiting = self._context.run(self._coro.throw, asyncio.CancelledError())
            else:  # what was waited for hands over its own result or error in its __await__
                waiting = self._context.run(self._coro.send, None)
        except StopIteration as stop:
            _leave_task(loop, self)  # type: ignore[arg-type]  # as above
            self.finished = True
            result = stop.value  # called outside the handler: what it raises is its own
        except (KeyboardInterrupt, SystemExit):
            _leave_task(loop, self)  # type: ignore[arg-type]  # as above
            self.finished = True
            raise
        except BaseException as error:
            _leave_task(loop, self)  # type: ignore[arg-type]  # as above
            self.finished = True
            self.failed(error)
            return
        else:
            _leave_task(loop, self)  # type: ignore[arg-type]  # as above
            if waiting.__class__ is Waiter and not self._must_cancel:
                waiting._asyncio_future_blocking = False
                waiting._task = self
                self._waiting = waiting
            else:
                self._wait_for(waiting)
            return
        self.succeeded(result)

    def _wait_for(self, waiting: Any) -> None:
        if waiting.__class__ is Waiter:
            waiting._asyncio_future_blocking = False
            waiting._task = self
            self._waiting = waiting
        elif waiting is None:  # a bare yield: asyncio.sleep(0)
            self.resume_soon()
            return
        elif getattr(waiting, "_asyncio_future_blocking", None):
            waiting._asyncio_future_blocking = False
            self._waiting = waiting
            waiting.add_done_callback(self._woken)
        else:
            self._loop.call_soon(self._misused, waiting)
            return
        if self._must_cancel and waiting.cancel():
            self._must_cancel = False

    def _woken(self, _future: Any) -> None:
        self.resume()

    def _misused(self, waiting: Any) -> None:
        error = RuntimeError(f"a plugin awaited something asyncio does not know: {waiting!r}")
        try:
            self._context.run(self._coro.close)
        except Exception as trouble:  # it would not be closed; the mistake that led here says more
            error.add_note(f"and then would not end: {trouble}")
        self.finished = True
        self.failed(error)

    def resume_soon(self) -> None:
        """Take the next step at the loop's next turn."""
        self._loop.call_soon(self.resume)

    # --- what callers of current_task() ask of a task ------------------------------------------

    def cancel(self, msg: Any = None) -> bool:
        """Raise CancelledError in the coroutine at its wait. False when it has finished."""
        if self.finished:
            return False
        self._cancel_requests += 1
        if self._waiting is not None and self._waiting.cancel():
            return True
        self._must_cancel = True
        return True

    def leave(self) -> None:
        """Whoever it runs for is gone: cancel, unless its keeper says that others wait."""
        if self.keeper is None or not self.keeper.keeps():
            self.cancel()

    def cancelling(self) -> int:
        """How many requests to cancel are pending."""
        return self._cancel_requests

    def uncancel(self) -> int:
        """Take one request to cancel back."""
        if self._cancel_requests > 0:
            self._cancel_requests -= 1
            if self._cancel_requests == 0:
                self._must_cancel = False
        return self._cancel_requests

    def done(self) -> bool:
        """Whether the coroutine has ended."""
        return self.finished

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it runs on."""
        return self._loop

    def get_coro(self) -> Coroutine[Any, Any, Any]:
        """The coroutine."""
        return self._coro

    def get_name(self) -> str:
        """A name for logs."""
        return "request"

    def get_context(self) -> Context:
        """The context its steps run in."""
        return self._context
