"""Tells who froze something that the thing it was frozen from has changed.

The request path runs plans that were compiled from what an application registered. Users and extensions may
change any of it later: replace a view in a dict, append to a list of hooks, patch a method on a class. The
containers and the metaclass here call their watchers after each such change, so that the plans are dropped.
"""

from __future__ import annotations

import weakref
from abc import ABCMeta
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")
C = TypeVar("C", bound=type)
L = TypeVar("L", bound="WatchedLists[Any, Any]")


def _unwatched() -> None:
    """Does nothing: the watcher of a container that nobody watches yet."""


class WatchedType(ABCMeta):
    """A metaclass whose classes announce that one of their attributes was set or deleted.

    It derives from ``ABCMeta`` so that a class may also inherit from an abstract base class.
    """

    #: Objects whose ``drop_plans`` method is called when an attribute of any watched class changes.
    dependents: weakref.WeakSet[Any] = weakref.WeakSet()

    def __setattr__(cls, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if not name.startswith("_abc_"):
            WatchedType.announce()

    def __delattr__(cls, name: str) -> None:
        super().__delattr__(name)
        WatchedType.announce()

    @staticmethod
    def announce() -> None:
        """Calls ``drop_plans`` on every dependent."""
        for dependent in list(WatchedType.dependents):
            dependent.drop_plans()


def _state_to_copy(container: object) -> dict[str, Any]:
    """Returns the attributes that a copy or a pickle of a container gets: all but its watcher."""
    return {name: value for name, value in vars(container).items() if name != "changed"}


def _announcing(method: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the method, followed by a call of the container's watcher."""

    def changed(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        finally:
            self.changed()

    changed.__name__ = method.__name__
    changed.__doc__ = method.__doc__
    return changed


def _announce_changes(*names: str) -> Callable[[C], C]:
    """Decorates a container class: the named methods call ``self.changed()`` when they are done."""

    def decorate(cls: C) -> C:
        for name in names:
            setattr(cls, name, _announcing(getattr(cls, name)))
        return cls

    return decorate


_DICT_CHANGES = ("__setitem__", "__delitem__", "__ior__", "update", "setdefault", "pop", "popitem", "clear")
_LIST_CHANGES = (
    "__setitem__",
    "__delitem__",
    "__iadd__",
    "__imul__",
    "append",
    "extend",
    "insert",
    "pop",
    "remove",
    "clear",
    "sort",
    "reverse",
)


@_announce_changes(*_DICT_CHANGES)
class WatchedDict(dict[K, V]):
    """A dict that calls ``changed`` after each change of its keys or values."""

    #: Called without an argument after a change; whoever depends on the content sets it. Copies are not watched.
    changed: Callable[[], None] = staticmethod(_unwatched)

    def __getstate__(self) -> dict[str, Any]:
        return _state_to_copy(self)


@_announce_changes(*_LIST_CHANGES)
class WatchedList(list[T]):
    """A list that calls ``changed`` after each change of its items."""

    changed: Callable[[], None] = staticmethod(_unwatched)

    def __getstate__(self) -> dict[str, Any]:
        return _state_to_copy(self)


@_announce_changes(*_DICT_CHANGES)
class WatchedLists(defaultdict[K, list[V]]):
    """A dict of lists, made on first use, that calls ``changed`` after a change of itself or of a list.

    A plain list that is stored in it is replaced by a watched copy.

    >>> hooks = WatchedLists()
    >>> hooks.changed = lambda: print("changed")
    >>> hooks["shop"].append("load_cart")
    changed
    """

    changed: Callable[[], None] = staticmethod(_unwatched)

    def __init__(self, items: Mapping[K, list[V]] | Iterable[tuple[K, list[V]]] = ()) -> None:
        super().__init__(list)
        self.update(items)

    def __missing__(self, key: K) -> list[V]:
        watched = self._watched_list([])
        dict.__setitem__(self, key, watched)
        return watched

    def __setitem__(self, key: K, value: list[V]) -> None:
        super().__setitem__(key, self._watched_list(value))

    def setdefault(self, key: K, default: list[V] | None = None) -> list[V]:
        if key not in self:
            self[key] = [] if default is None else default
        return self[key]

    def update(self, items: Any = (), /, **more: Any) -> None:
        added: dict[Any, list[V]] = dict(items, **more)
        for key, value in added.items():
            self[key] = value

    def __ior__(self: L, items: Any) -> L:  # type: ignore[override]
        self.update(items)
        return self

    def copy(self: L) -> L:
        """Returns another dict of the same lists; it is not watched, but they still are."""
        copied = type(self)()
        for key, value in self.items():
            dict.__setitem__(copied, key, value)
        return copied

    def __copy__(self: L) -> L:
        return self.copy()

    def __or__(self, other: Any) -> Any:
        return self._merged(self, other)

    def __ror__(self, other: Any) -> Any:
        return self._merged(other, self)

    def _merged(self, first: Any, second: Any) -> Any:
        if not isinstance(first, dict) or not isinstance(second, dict):
            return NotImplemented
        merged: WatchedLists[K, V] = type(self)()
        for key, value in (*first.items(), *second.items()):
            dict.__setitem__(merged, key, value)
        return merged

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (), None, None, iter(self.items())

    def _watched_list(self, items: list[V]) -> WatchedList[V]:
        watched: WatchedList[V] = WatchedList(items)
        reference = weakref.ref(self)  # a cycle would keep the functions in the lists until garbage collection

        def list_changed() -> None:
            lists = reference()
            if lists is not None:
                lists.changed()

        watched.changed = list_changed
        return watched
