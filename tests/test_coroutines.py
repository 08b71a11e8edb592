"""Tests of costrel.coroutines: what is a coroutine function, in every disguise."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from unittest.mock import AsyncMock, MagicMock

import pytest

from costrel.coroutines import iscoroutinefunction


class AsyncCallable:
    async def __call__(self) -> str:
        return "called"

    async def method(self) -> str:
        return "method"


class SyncCallable:
    def __call__(self) -> str:
        return "called"


async def plain() -> None: ...


async def generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (plain, True),
        (functools.partial(plain), True),
        (functools.partial(functools.partial(plain)), True),
        (AsyncCallable(), True),
        (functools.partial(AsyncCallable()), True),
        (AsyncCallable().method, True),
        (AsyncMock(), True),
        (MagicMock(), False),
        (AsyncCallable, False),
        (SyncCallable(), False),
        (functools.partial(SyncCallable()), False),
        (pytest.fail, False),
        (SyncCallable().__call__, False),
        (generator, False),
        (len, False),
        (None, False),
    ],
)
def test_a_coroutine_function_is_recognised_in_every_disguise(function: object, expected: bool) -> None:
    """Partials and objects with an async ``__call__`` are coroutine functions; generators and classes are not."""
    assert iscoroutinefunction(function) is expected
