"""Tests of costrel.asynchronous: coroutines run from synchronous code."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import logging
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from costrel import asynchronous
from costrel.asynchronous import close_loop, run
from costrel.coroutines import iscoroutinefunction

variable: ContextVar[str] = ContextVar("variable")


async def running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def generator() -> AsyncIterator[int]:
    yield 1


@pytest.fixture(autouse=True)
def _fresh_loop() -> Iterator[None]:
    """Gives the next test a fresh loop, and the suite the open one that its leak detector counts on."""
    yield
    close_loop()
    run(running_loop)()


def in_thread(function: Callable[[], Any]) -> Any:
    """Returns what the function returns in a thread of its own."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


class AsyncCallable:
    async def __call__(self) -> str:
        return "called"


def test_arguments_and_result_are_passed_through() -> None:
    """The wrapped function takes the coroutine function's arguments, gives its result and keeps its name."""

    async def join(first: str, *, second: str) -> str:
        """Joins two."""
        await asyncio.sleep(0)
        return first + second

    wrapped = run(join)
    assert wrapped("a", second="b") == "ab"
    assert (wrapped.__name__, wrapped.__doc__) == ("join", "Joins two.")
    assert not iscoroutinefunction(wrapped)


def test_a_callable_object_runs() -> None:
    """An object with an async ``__call__`` runs, although it has no name to take over."""
    assert run(AsyncCallable())() == "called"
    assert run(functools.partial(AsyncCallable()))() == "called"


@pytest.mark.parametrize("error", [ValueError("wrong"), asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_is_raised_as_the_same_object(error: BaseException) -> None:
    """Errors, cancellation and exits reach the caller as they are, and the loop stays usable."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(type(error)) as caught:
        run(fail)()
    assert caught.value is error or isinstance(error, asyncio.CancelledError)
    assert run(AsyncCallable())() == "called"


def test_an_interrupt_cancels_the_coroutine() -> None:
    """An interrupt that hits the loop itself cancels what is running before it reaches the caller."""
    events: list[str] = []

    async def view() -> None:
        def interrupt() -> None:
            raise KeyboardInterrupt

        asyncio.get_running_loop().call_soon(interrupt)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            events.append("cancelled")
            raise

    with pytest.raises(KeyboardInterrupt):
        run(view)()
    assert events == ["cancelled"]


def test_the_handled_error_is_visible_inside() -> None:
    """A bare ``raise`` and ``sys.exc_info()`` see the error that the caller is handling."""
    seen: list[BaseException | None] = []

    async def handler() -> None:
        await asyncio.sleep(0)
        seen.append(sys.exc_info()[1])
        raise

    error = KeyError("handled")
    try:
        raise error
    except KeyError:
        with pytest.raises(KeyError) as caught:
            run(handler)()
    assert seen == [error]
    assert caught.value is error


def test_without_a_handled_error_there_is_none_inside() -> None:
    """Outside of an ``except`` block the coroutine sees no error."""

    async def look() -> Any:
        return sys.exc_info()[1]

    assert run(look)() is None


def test_context_variables_go_in_and_come_back() -> None:
    """The coroutine sees its caller's variables, and what it sets stays set, also where it raises."""

    async def change(fail: bool) -> str:
        await asyncio.sleep(0)
        seen = variable.get()
        variable.set(seen + "!")
        if fail:
            raise ValueError
        return seen

    token = variable.set("hello")
    try:
        assert run(change)(False) == "hello"
        assert variable.get() == "hello!"
        with pytest.raises(ValueError):
            run(change)(True)
        assert variable.get() == "hello!!"
    finally:
        variable.reset(token)


def test_a_variable_set_in_a_task_stays_in_the_task() -> None:
    """Only the coroutine's own changes come back, not those of the tasks it starts."""

    async def setter() -> None:
        variable.set("task")

    async def view() -> None:
        await asyncio.create_task(setter())

    token = variable.set("view")
    try:
        run(view)()
        assert variable.get() == "view"
    finally:
        variable.reset(token)


def test_one_loop_serves_all_calls_of_a_thread() -> None:
    """Calls on one thread share a loop; another thread has another one."""
    own = run(running_loop)()
    assert run(running_loop)() is own
    assert in_thread(run(running_loop)) is not own


def test_the_loop_is_closed_with_its_thread() -> None:
    """The loop of a thread that has ended is closed, without anybody calling anything."""
    loop = in_thread(run(running_loop))
    gc.collect()
    assert loop.is_closed()


def test_closing_the_loop_makes_the_next_call_start_anew() -> None:
    """``close_loop`` closes the thread's loop, does nothing twice, and does not end the ability to run."""
    loop = run(running_loop)()
    close_loop()
    close_loop()
    assert loop.is_closed()
    assert run(running_loop)() is not loop


def test_the_loop_cannot_be_closed_from_inside() -> None:
    """Closing the loop from a coroutine that it runs is refused with a reason."""

    async def close() -> None:
        close_loop()

    with pytest.raises(RuntimeError, match="from a coroutine that runs on this loop"):
        run(close)()


def test_a_running_loop_survives_the_exit_handler() -> None:
    """What runs at interpreter exit leaves a loop alone that is still running."""

    async def view() -> bool:
        asynchronous._close_all()
        await asyncio.sleep(0)
        return asyncio.get_running_loop().is_closed()

    assert run(view)() is False


def test_a_running_loop_gets_a_helper_thread() -> None:
    """Called where a loop runs already, the coroutine runs on another thread with the caller's context variables."""

    async def inner() -> tuple[int, str]:
        seen = variable.get()
        variable.set("changed")
        return threading.get_ident(), seen

    async def outer() -> tuple[int, str, str]:
        variable.set("outer")
        return *run(inner)(), variable.get()

    token = variable.set("")
    try:
        ident, seen, after = run(outer)()
    finally:
        variable.reset(token)
    assert ident != threading.get_ident()
    assert (seen, after) == ("outer", "changed")


@pytest.mark.parametrize("error", [LookupError("inner"), SystemExit(2)])
def test_errors_come_back_from_the_helper_thread(error: BaseException) -> None:
    """What the coroutine raises on the helper thread is raised in the calling coroutine."""

    async def inner() -> None:
        raise error

    async def outer() -> BaseException | None:
        try:
            run(inner)()
        except BaseException as caught:
            return caught
        return None

    assert run(outer)() is error


def test_pending_tasks_are_cancelled_and_waited_for() -> None:
    """A task that the coroutine leaves behind is cancelled, and its clean-up has run when the call returns."""
    events: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            events.append("cleaned up")

    async def view() -> str:
        view.task = asyncio.create_task(background())  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        return "done"

    assert run(view)() == "done"
    assert events == ["cleaned up"]


def test_a_pending_task_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An error of a task that is being cancelled is logged and does not change the result."""

    async def background() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("in the background")

    async def view() -> str:
        view.task = asyncio.create_task(background())  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        return "done"

    with caplog.at_level(logging.ERROR, logger="asyncio"):
        assert run(view)() == "done"
    assert "A task that the request left behind failed" in caplog.text
    assert "in the background" in caplog.text


async def watched_generator(events: list[str], fail: bool = False) -> AsyncIterator[int]:
    try:
        yield 1
        yield 2
    finally:
        await asyncio.sleep(0)
        events.append("closed")
        if fail:
            raise ValueError("while closing")


def test_an_abandoned_generator_is_closed() -> None:
    """An asynchronous generator whose loop was left by ``break`` is closed before the call returns."""
    events: list[str] = []

    async def view() -> int:
        async for number in watched_generator(events):
            return number
        return 0

    assert run(view)() == 1
    gc.collect()
    assert events == ["closed"]


@pytest.mark.parametrize("fail", [False, True])
def test_a_generator_that_is_still_held_is_closed(fail: bool, caplog: pytest.LogCaptureFixture) -> None:
    """A started generator that somebody holds on to is closed too; an error of it is logged."""
    events: list[str] = []
    held = watched_generator(events, fail)

    async def view() -> int:
        return await anext(held)

    with caplog.at_level(logging.ERROR, logger="asyncio"):
        assert run(view)() == 1
    assert events == ["closed"]
    assert ("while closing" in caplog.text) is fail


def test_a_generator_dropped_after_the_loop_closed_is_ignored() -> None:
    """The interpreter may collect a generator when its loop is gone; nothing is scheduled then."""
    runner = asynchronous._Runner()
    runner.close()
    agen: Any = generator()
    runner._generator_abandoned(agen)
    assert runner.loop.is_closed()


def test_an_exhausted_generator_leaves_nothing_to_do() -> None:
    """A generator that was read to its end is not closed again."""
    events: list[str] = []

    async def view() -> list[int]:
        return [number async for number in watched_generator(events)]

    assert run(view)() == [1, 2]
    assert events == ["closed"]


def test_tasks_run_concurrently() -> None:
    """``asyncio.gather``, timeouts and threads work inside, as in any asyncio program."""

    async def view() -> tuple[str, int]:
        wait: Awaitable[str] = asyncio.wait_for(asyncio.sleep(0, "slept"), 5)
        return await asyncio.gather(wait, asyncio.to_thread(threading.get_ident))

    slept, ident = run(view)()
    assert slept == "slept"
    assert ident != threading.get_ident()


def test_loops_are_closed_at_exit_without_a_warning() -> None:
    """A process that ends with an open loop closes it: no ResourceWarning is printed."""
    program = "from costrel.asynchronous import run\nasync def view(): return 'ran'\nprint(run(view)())\n"
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("ran\n", "")


def test_importing_the_module_does_not_import_asyncio() -> None:
    """Applications without coroutines do not pay for asyncio at start-up."""
    program = "import sys, costrel.asynchronous; print('asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_child_makes_a_loop_of_its_own() -> None:
    """After a fork the child uses a new loop, and the parent's still wakes up for other threads."""
    program = inspect.cleandoc(
        """
        import asyncio, os
        from costrel.asynchronous import close_loop, run
        async def loop(): return asyncio.get_running_loop()
        async def thread(): return await asyncio.to_thread(len, "four")
        parent = run(loop)()
        child = os.fork()
        if child == 0:
            same = run(loop)() is parent
            close_loop()
            raise SystemExit(7 if same else 0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(status, run(loop)() is parent, run(thread)())
        """
    )
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("0 True 4\n", "")


def test_forgetting_keeps_the_loop_from_being_closed() -> None:
    """What a forked child does with inherited loops: they count as closed, and the thread gets a new one."""
    loop = run(running_loop)()
    runner = asynchronous._own_runner()
    asynchronous._forget_all()
    assert loop.is_closed()
    assert run(running_loop)() is not loop
    # Undo it: this process is no child, so its descriptors must be closed.
    asynchronous._inherited.remove(loop)
    runner.loop._closed = False  # type: ignore[attr-defined]
    asynchronous._close_all()
    assert loop.is_closed()
