"""Tells coroutine functions from other callables, without what it takes to run them."""

from __future__ import annotations

import functools
import inspect
import sys
from types import FunctionType, MethodType


def iscoroutinefunction(function: object) -> bool:
    """Tells whether calling the object gives a coroutine.

    Unlike ``inspect.iscoroutinefunction`` it also recognises an instance whose class has an ``async def __call__``,
    alone or inside ``functools.partial``.

    >>> class View:
    ...     async def __call__(self):
    ...         return "hello"
    >>> iscoroutinefunction(View()), iscoroutinefunction(functools.partial(View())), iscoroutinefunction(len)
    (True, True, False)
    """
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.iscoroutinefunction(function):
        return True
    if isinstance(function, (FunctionType, MethodType, type)):
        return False
    call = getattr(type(function), "__call__", None)  # noqa: B004  (the function behind the call is wanted)
    return inspect.iscoroutinefunction(call) or _is_marked(function)


def _is_marked(function: object) -> bool:
    """Tells whether asyncio's own mark says that the object is a coroutine function; ``AsyncMock`` carries it."""
    coroutines = sys.modules.get("asyncio.coroutines")
    mark = getattr(coroutines, "_is_coroutine", None)
    return mark is not None and getattr(function, "_is_coroutine", None) is mark
