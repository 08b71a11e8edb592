"""Runs coroutine functions from synchronous code, each thread on one long-lived event loop of its own.

A WSGI worker handles one request at a time, so an ``async def`` view is run to its end before the worker goes on.
What it gains is concurrency inside the view: ``asyncio.gather`` over several queries, for example.

- The loop is made at the first use in a thread and closed when the thread ends, or at interpreter exit. Clients
  that belong to a loop (connection pools) can therefore be kept from one request to the next on the same thread.
- The coroutine sees the context variables of its caller, and what it sets in them stays set afterwards. It runs in
  a *copy* of the caller's context, which leaves two limits: a variable that was reset to "no value" keeps the value
  it had, and a token made outside cannot be used inside (nor the other way round).
- Tasks that are still pending when the coroutine has ended are cancelled and waited for; asynchronous generators
  that were not exhausted are closed. What they raise goes to the loop's exception handler, which logs it.
- Where the thread runs a loop already, the coroutine gets a thread of its own for the call, with a copy of the
  context. It must not wait there for something that only the blocked outer loop can do.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

P = ParamSpec("P")
T = TypeVar("T")

_MISSING: Any = object()


def run(coroutine_function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Returns a synchronous function that runs the coroutine function and gives its result or raises its error.

    >>> async def double(number):
    ...     return 2 * number
    >>> run(double)(21)
    42
    """

    @functools.wraps(coroutine_function)
    def synchronous(*args: P.args, **kwargs: P.kwargs) -> T:
        # Start-up: asyncio takes 25 ms to import, and most applications have no coroutines.
        import asyncio

        # A bare `raise` or `logging.exception` in an error handler needs the error that is being handled here.
        handled = sys.exc_info()[1]
        call = functools.partial(coroutine_function, *args, **kwargs)
        if asyncio._get_running_loop() is not None:
            return _run_in_thread(call, handled)
        return _own_runner().run(call, handled)

    return synchronous


def close_loop() -> None:
    """Closes the event loop of this thread, if there is one; the next coroutine makes a new one.

    :raises RuntimeError: where the loop is running, which is to say inside a coroutine.
    """
    runner: _Runner | None = getattr(_of_thread, "runner", None)
    if runner is None:
        return
    if runner.loop.is_running():
        raise RuntimeError("close_loop() was called from a coroutine that runs on this loop; call it afterwards.")
    del _of_thread.runner
    runner.close()


class _Runner:
    """The event loop of one thread, and what has to be cleaned up after each coroutine that it runs."""

    def __init__(self) -> None:
        # Start-up: see `run`.
        import asyncio

        self._asyncio = asyncio
        self.loop: AbstractEventLoop = asyncio.new_event_loop()
        #: The asynchronous generators that were started and have not ended.
        self._generators: weakref.WeakSet[AsyncGenerator[Any, Any]] = weakref.WeakSet()
        #: The tasks that close abandoned generators: these are waited for, not cancelled.
        self._closing: set[Task[None]] = set()
        self._started_generators = False
        self._context: Context | None = None
        _runners.add(self)

    def run(self, call: Callable[[], Coroutine[Any, Any, T]], handled: BaseException | None) -> T:
        """Runs the coroutine to its end and takes over the context variables that it has set.

        :param call: makes the coroutine; called inside the loop.
        :param handled: the error that the caller is handling, for ``sys.exc_info()`` in the coroutine.
        """
        try:
            return self.loop.run_until_complete(self._supervise(call, handled))
        finally:
            if self._started_generators or self._asyncio.all_tasks(self.loop):
                self.loop.run_until_complete(self._settle())
            context, self._context = self._context, None
            if context is not None:
                _adopt(context)

    async def _supervise(self, call: Callable[[], Coroutine[Any, Any, T]], handled: BaseException | None) -> T:
        # The loop's own hooks would wait for `shutdown_asyncgens`, which a loop survives only once.
        sys.set_asyncgen_hooks(firstiter=self._generator_started, finalizer=self._generator_abandoned)
        try:
            if handled is None:
                return await call()
            traceback = handled.__traceback__
            try:
                raise handled
            except BaseException:
                handled.__traceback__ = traceback
                return await call()
        finally:
            self._context = copy_context()

    def _generator_started(self, generator: AsyncGenerator[Any, Any]) -> None:
        self._generators.add(generator)
        self._started_generators = True

    def _generator_abandoned(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Called by the interpreter, possibly on another thread, before it collects an unfinished generator."""
        self._generators.discard(generator)
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._close_generator, generator)

    def _close_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        async def close() -> None:
            await generator.aclose()

        task = self.loop.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _settle(self) -> None:
        """Cancels what the coroutine left running, waits for it, and closes generators; logs what they raise."""
        asyncio = self._asyncio
        # One turn of the loop, in which the generators that were abandoned last get their closing tasks.
        await asyncio.sleep(0)
        tasks = asyncio.all_tasks(self.loop) - {asyncio.current_task()}
        for task in tasks - self._closing:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled() and task.exception() is not None:
                self._report("A task that the request left behind failed while it was cancelled", task.exception())
        for generator in list(self._generators):
            try:
                await generator.aclose()
            except Exception as error:
                self._report("An asynchronous generator failed while it was closed", error)
        self._started_generators = False

    def _report(self, message: str, error: BaseException | None) -> None:
        self.loop.call_exception_handler({"message": message, "exception": error})

    def close(self) -> None:
        """Closes the loop unless it is running, in a thread that does not end before the interpreter does."""
        if not self.loop.is_running() and not self.loop.is_closed():
            self.loop.close()

    def forget(self) -> None:
        """Gives the loop up in a forked child, where closing it would unregister the parent's descriptors."""
        _inherited.append(self.loop)
        # asyncio warns about a loop that is collected unclosed, and closes it.
        self.loop._closed = True  # type: ignore[attr-defined]

    def __del__(self) -> None:
        # The interpreter drops a thread's variables when the thread ends; this is where its loop is closed.
        self.close()


_of_thread = threading.local()
_runners: weakref.WeakSet[_Runner] = weakref.WeakSet()
_inherited: list[AbstractEventLoop] = []


def _own_runner() -> _Runner:
    """Returns the runner of this thread, made at the first call."""
    try:
        runner: _Runner = _of_thread.runner
    except AttributeError:
        runner = _of_thread.runner = _Runner()
    return runner


def _adopt(context: Context) -> None:
    """Sets each variable that has another value in the given context than here."""
    for variable, value in context.items():
        if variable.get(_MISSING) is not value:
            variable.set(value)


def _run_in_thread(call: Callable[[], Coroutine[Any, Any, T]], handled: BaseException | None) -> T:
    """Runs the coroutine on a thread of its own while this one, whose loop is running, waits for it."""
    context = copy_context()
    results: list[T] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(_own_runner().run(call, handled))
        except BaseException as error:
            errors.append(error)
        finally:
            close_loop()

    thread = threading.Thread(target=context.run, args=(target,), name="costrel coroutine", daemon=True)
    thread.start()
    thread.join()
    _adopt(context)
    if errors:
        # Popped, so that the error's traceback, which has this frame, does not lead back to the error.
        raise errors.pop()
    return results.pop()


@atexit.register
def _close_all() -> None:
    for runner in list(_runners):
        runner.close()


def _forget_all() -> None:
    global _of_thread
    for runner in list(_runners):
        runner.forget()
    _of_thread = threading.local()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
