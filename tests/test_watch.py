"""Containers and classes that tell their watchers what changed, and stay ordinary containers and classes otherwise."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from costrel.watch import WatchedDict, WatchedList, WatchedLists, WatchedType


class Count:
    """A watcher that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1


def _dict() -> tuple[WatchedDict[str, Any], Count]:
    watched: WatchedDict[str, Any] = WatchedDict(a=1, b=2)
    watched.changed = count = Count()
    return watched, count


def _list() -> tuple[WatchedList[Any], Count]:
    watched: WatchedList[Any] = WatchedList([3, 1, 2])
    watched.changed = count = Count()
    return watched, count


def _lists() -> tuple[WatchedLists[str, Any], Count]:
    watched: WatchedLists[str, Any] = WatchedLists({"a": [1]})
    watched.changed = count = Count()
    return watched, count


def _ior(target: Any, value: Any) -> None:
    target |= value


def _iadd(target: Any, value: Any) -> None:
    target += value


def _imul(target: Any, value: Any) -> None:
    target *= value


DICT_CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], dict[str, Any]]] = {
    "set an item": (lambda d: d.__setitem__("c", 3), {"a": 1, "b": 2, "c": 3}),
    "delete an item": (lambda d: d.__delitem__("a"), {"b": 2}),
    "update": (lambda d: d.update({"a": 5}, c=3), {"a": 5, "b": 2, "c": 3}),
    "|=": (lambda d: _ior(d, {"c": 3}), {"a": 1, "b": 2, "c": 3}),
    "setdefault": (lambda d: d.setdefault("c", 3), {"a": 1, "b": 2, "c": 3}),
    "pop": (lambda d: d.pop("a"), {"b": 2}),
    "popitem": (lambda d: d.popitem(), {"a": 1}),
    "clear": (lambda d: d.clear(), {}),
}


@pytest.mark.parametrize("name", DICT_CHANGES)
def test_dict_announces(name: str) -> None:
    """A watched dict calls its watcher after each kind of change, which has then happened."""
    watched, count = _dict()
    change, result = DICT_CHANGES[name]
    change(watched)
    assert count.calls >= 1
    assert watched == result


LIST_CHANGES: dict[str, tuple[Callable[[list[Any]], Any], list[Any]]] = {
    "set an item": (lambda items: items.__setitem__(0, 9), [9, 1, 2]),
    "set a slice": (lambda items: items.__setitem__(slice(0, 2), [7]), [7, 2]),
    "delete an item": (lambda items: items.__delitem__(0), [1, 2]),
    "append": (lambda items: items.append(4), [3, 1, 2, 4]),
    "extend": (lambda items: items.extend([4, 5]), [3, 1, 2, 4, 5]),
    "+=": (lambda items: _iadd(items, [4]), [3, 1, 2, 4]),
    "*=": (lambda items: _imul(items, 2), [3, 1, 2, 3, 1, 2]),
    "insert": (lambda items: items.insert(0, 4), [4, 3, 1, 2]),
    "pop": (lambda items: items.pop(), [3, 1]),
    "remove": (lambda items: items.remove(1), [3, 2]),
    "sort": (lambda items: items.sort(reverse=True), [3, 2, 1]),
    "reverse": (lambda items: items.reverse(), [2, 1, 3]),
    "clear": (lambda items: items.clear(), []),
}


@pytest.mark.parametrize("name", LIST_CHANGES)
def test_list_announces(name: str) -> None:
    """A watched list calls its watcher after each kind of change, which has then happened."""
    watched, count = _list()
    change, result = LIST_CHANGES[name]
    change(watched)
    assert count.calls >= 1
    assert watched == result


LISTS_CHANGES: dict[str, tuple[Callable[[dict[str, list[Any]]], Any], dict[str, list[Any]]]] = {
    "set an item": (lambda d: d.__setitem__("b", [2]), {"a": [1], "b": [2]}),
    "append to a list": (lambda d: d["a"].append(2), {"a": [1, 2]}),
    "append to a new list": (lambda d: d["b"].append(2), {"a": [1], "b": [2]}),
    "update": (lambda d: d.update(b=[2]), {"a": [1], "b": [2]}),
    "|=": (lambda d: _ior(d, {"b": [2]}), {"a": [1], "b": [2]}),
    "setdefault, then append": (lambda d: d.setdefault("b", []).append(2), {"a": [1], "b": [2]}),
    "setdefault of a present one": (lambda d: d.setdefault("a", [5]).append(2), {"a": [1, 2]}),
    "delete an item": (lambda d: d.__delitem__("a"), {}),
    "pop": (lambda d: d.pop("a"), {}),
}


@pytest.mark.parametrize("name", LISTS_CHANGES)
def test_lists_announce(name: str) -> None:
    """A dict of watched lists calls its watcher after a change of itself and of a list in it, however it came in."""
    watched, count = _lists()
    change, result = LISTS_CHANGES[name]
    change(watched)
    assert count.calls >= 1
    assert watched == result


def test_lists_announce_the_last_change() -> None:
    """A list that came in by ``update`` announces its own changes, not only its arrival."""
    watched, count = _lists()
    watched.update(b=[])
    watched |= {"c": []}
    before = count.calls
    watched["b"].append(1)
    watched["c"].append(1)
    assert count.calls == before + 2


def test_lists_setdefault_without_a_list() -> None:
    """A missing key without a default gets an empty list."""
    watched, _ = _lists()
    assert watched.setdefault("b") == []
    assert watched == {"a": [1], "b": []}


def test_reading_announces_nothing() -> None:
    """Reading, also of a missing key in a dict of lists, calls no watcher."""
    table, table_count = _dict()
    lists, lists_count = _lists()
    assert (table.get("x"), table["a"], len(table), list(table)) == (None, 1, 2, ["a", "b"])
    assert (lists["missing"], lists.get("other"), lists["a"][0]) == ([], None, 1)
    assert (table_count.calls, lists_count.calls) == (0, 0)


def test_a_failed_change_announces() -> None:
    """A change that raises may have done a part of its work, so the watcher is called too."""
    watched, count = _list()
    with pytest.raises(TypeError):
        watched.extend(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert count.calls == 1


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_are_equal_and_unwatched(how: str) -> None:
    """A copy has the same class and content and another watcher, so changing it leaves the original's alone."""
    table, table_count = _dict()
    items, items_count = _list()
    for original in (table, items):
        copied = COPIES[how](original)
        assert type(copied) is type(original)
        assert copied == original
        copied.clear()
        assert copied != original
    assert (table_count.calls, items_count.calls) == (0, 0)


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_deep_copies_of_lists_are_apart(how: str) -> None:
    """A deep copy of a dict of lists has lists of its own, which tell the copy's watcher."""
    original, count = _lists()
    copied = COPIES[how](original)
    copied.changed = own = Count()
    copied["a"].append(2)
    copied["new"].append(3)
    assert (original, copied) == ({"a": [1]}, {"a": [1, 2], "new": [3]})
    assert (count.calls, own.calls) == (0, 2)


@pytest.mark.parametrize(
    "how", [copy.copy, lambda value: value.copy(), lambda value: value | {}, lambda value: {} | value]
)
def test_shallow_copies_of_lists_share_the_lists(how: Callable[[Any], Any]) -> None:
    """A shallow copy shares the lists, so a change of one of them is announced to the original's watcher."""
    original, count = _lists()
    copied = how(original)
    copied["only here"] = []
    assert "only here" not in original
    assert count.calls == 0
    copied["a"].append(2)
    assert original["a"] == [1, 2]
    assert count.calls == 1


def test_lists_merge_like_dicts() -> None:
    """The right side of ``|`` wins, on either side of a plain dict; anything else is refused."""
    watched, _ = _lists()
    assert watched | {"a": [2], "b": [3]} == {"a": [2], "b": [3]}
    assert {"a": [2], "b": [3]} | watched == {"a": [1], "b": [3]}
    with pytest.raises(TypeError):
        _ = watched | [("a", [2])]
    with pytest.raises(TypeError):
        _ = 3 | watched


def test_plain_copies_are_plain() -> None:
    """The ``copy`` method and the ``|`` operator of a watched dict and list give plain ones, as with any subclass."""
    table, _ = _dict()
    items, _ = _list()
    assert type(table.copy()) is dict
    assert type(table | {}) is dict
    assert type(items.copy()) is list
    assert type(items[:]) is list


def test_containers_are_what_they_were() -> None:
    """Watched containers are a dict, a list and a defaultdict to ``isinstance``, and keep their methods' names."""
    assert isinstance(_dict()[0], dict)
    assert isinstance(_list()[0], list)
    assert isinstance(_lists()[0], defaultdict)
    assert WatchedDict.update.__name__ == "update"
    assert WatchedList.append.__doc__ == list.append.__doc__


def test_a_dict_of_lists_is_freed_at_once() -> None:
    """A dict of lists that nobody holds goes without garbage collection; a list that outlives it stays usable."""
    watched, count = _lists()
    survivor = watched["a"]
    gone = weakref.ref(watched)
    gc.disable()
    try:
        del watched
        assert gone() is None
    finally:
        gc.enable()
    survivor.append(2)
    assert survivor == [1, 2]
    assert count.calls == 0


class Dependent:
    """Something that was made from watched classes."""

    def __init__(self) -> None:
        self.dropped = 0

    def drop_plans(self) -> None:
        """Counts the calls."""
        self.dropped += 1


@pytest.fixture
def dependent() -> Any:
    """A dependent that no later test finds registered."""
    dependent = Dependent()
    WatchedType.dependents.add(dependent)
    yield dependent
    WatchedType.dependents.discard(dependent)


def test_class_changes_are_announced(dependent: Dependent) -> None:
    """Setting, replacing or deleting an attribute of a watched class or of a subclass calls ``drop_plans``."""

    class Watched(metaclass=WatchedType):
        def method(self) -> int:
            return 1

    class Child(Watched):
        pass

    before = dependent.dropped
    Watched.method = lambda self: 2  # type: ignore[method-assign]
    Child.method = lambda self: 3  # type: ignore[method-assign]
    del Child.method
    assert dependent.dropped == before + 3
    assert Child().method() == 2


def test_abstract_bookkeeping_is_no_change(dependent: Dependent) -> None:
    """``isinstance`` checks, for which ``abc`` may set attributes of its own, announce nothing."""

    class Watched(metaclass=WatchedType):
        pass

    before = dependent.dropped
    setattr(Watched, "_abc_note", 1)
    assert not isinstance(3, Watched)
    assert dependent.dropped == before


def test_dependents_are_held_weakly() -> None:
    """A dependent that nobody else holds is forgotten."""
    dependent = Dependent()
    WatchedType.dependents.add(dependent)
    reference = weakref.ref(dependent)
    del dependent
    gc.collect()
    assert reference() is None
    assert not any(isinstance(other, Dependent) for other in WatchedType.dependents)
