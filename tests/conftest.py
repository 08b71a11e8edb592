"""Fixtures for every test, the leak detector that runs after each of them, and the Hypothesis profiles."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from costrel import App
    from costrel.testing import FlaskClient

# The same examples on every run, so that a red test is red for everybody; "thorough" is there to find new ones, and
# "brief" for a second interpreter, after "ci" has passed on the first.
hypothesis.settings.register_profile("brief", max_examples=10, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("default", max_examples=50, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("thorough", max_examples=10_000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_FD_FOLDER = "/proc/self/fd"
_HAS_FD_FOLDER = os.path.isdir(_FD_FOLDER)

# What the developer's own shell says to costrel or Flask must not reach the tests, nor what was meant for this run of
# pytest only the runs that tests start.
for _name in [name for name in os.environ if name.startswith(("COSTREL_", "FLASK_", "PYTEST_ADDOPTS"))]:
    del os.environ[_name]


@pytest.fixture(scope="session", autouse=True)
def _event_loop() -> None:
    """Makes the event loop that the main thread keeps for async views, so that it is no leak of the first such test."""
    from costrel.asynchronous import run  # here so that a broken package fails tests, not the start of pytest

    async def nothing() -> None: ...

    run(nothing)()


@pytest.fixture
def app() -> App:
    """An application for tests, with a secret key and no routes."""
    # The import is here so that modules of the lower layers can be tested where the package itself does not import.
    from costrel import App

    app = App("test_app", root_path=str(Path(__file__).parent))
    app.config.update(TESTING=True, SECRET_KEY="test key")
    return app


@pytest.fixture
def client(app: App) -> FlaskClient:
    """A client of the ``app`` fixture."""
    return app.test_client()


def _descriptors() -> dict[str, str]:
    """Returns what each open file descriptor of this process points at."""
    found = {}
    for number in os.listdir(_FD_FOLDER):
        try:
            found[number] = os.readlink(f"{_FD_FOLDER}/{number}")
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
    return found


def _leaked_context() -> str | None:
    """Pops the contexts that are still pushed and says which they were."""
    # Where nothing has imported the module, nothing can have pushed a context.
    module: Any = sys.modules.get("costrel.context")
    leaked = []
    while module and (context := module.current_context.get(None)) is not None:
        leaked.append(repr(context))
        with contextlib.suppress(Exception):
            context.pop(None)
        if module.current_context.get(None) is context:
            break
    return f"left contexts pushed: {leaked}" if leaked else None


def _leaked_threads(before: set[threading.Thread]) -> str | None:
    """Names the threads that are still alive a second after the test."""
    for thread in set(threading.enumerate()) - before:
        thread.join(1.0)
    alive = [thread.name for thread in set(threading.enumerate()) - before]
    return f"left threads running: {alive}" if alive else None


def _leaked_descriptors(before: dict[str, str]) -> str | None:
    """Names the descriptors opened since; what garbage collection closes does not count."""
    if len(os.listdir(_FD_FOLDER)) <= len(before) + 1:  # the listing opens one itself
        return None
    gc.collect()
    new = [target for number, target in _descriptors().items() if number not in before]
    return f"left files open: {new}" if new else None


@pytest.fixture(autouse=True)
def _leak_detector() -> Iterator[None]:
    """Fails a test that leaves a context, thread, open file or other working directory behind.

    Environment variables are put back without a word: the command line has to set some.
    """
    folder = os.getcwd()
    variables = dict(os.environ)
    threads = set(threading.enumerate())
    descriptors = _descriptors() if _HAS_FD_FOLDER else {}
    yield
    leaks = [_leaked_context(), _leaked_threads(threads)]
    if _HAS_FD_FOLDER:
        leaks.append(_leaked_descriptors(descriptors))
    if os.getcwd() != folder:
        leaks.append(f"changed the working directory to {os.getcwd()}")
        os.chdir(folder)
    _restore(variables)
    found = [leak for leak in leaks if leak]
    if found:
        pytest.fail("The test " + "; ".join(found) + ".", pytrace=False)


def _restore(variables: dict[str, str]) -> None:
    """Sets the environment variables back to what they were before the test."""
    current = dict(os.environ)
    if current == variables:
        return
    for name in current.keys() - variables.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    for name, value in variables.items():
        if name != "PYTEST_CURRENT_TEST" and current.get(name) != value:
            os.environ[name] = value
