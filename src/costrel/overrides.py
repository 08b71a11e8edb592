"""Tells whether a class overrides what a short way leaves out, and notices when that changes."""

from __future__ import annotations

from typing import Any

from costrel.watch import WatchedType

_ABSENT = object()


class Overrides:
    """Keeps an attribute of a class and its subclasses: True where none of some names is overridden.

    A short way looks at it, ``_plain``, and else takes the long way. Patching a class renews the verdict.

    :param root: the class that has the short ways; its metaclass is ``WatchedType``.
    :param names: the methods and attributes whose work the short ways do themselves.
    :param verdict: the name of the attribute.
    """

    def __init__(self, root: Any, names: tuple[str, ...], verdict: str = "_plain") -> None:
        self.root = root
        self.names = names
        self.verdict = verdict
        self.originals = self._implementations(root)
        WatchedType.dependents.add(self)

    def _implementations(self, cls: type) -> list[Any]:
        """Returns what the class has under each name, itself or from a base."""
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            attributes = vars(base)
            found.update((name, attributes[name]) for name in self.names if name in attributes)
        return [found.get(name, _ABSENT) for name in self.names]

    def note(self, cls: type) -> None:
        """Renews the verdict on a class and its subclasses."""
        # Not through the metaclass, which would announce a change and so call this again.
        type.__setattr__(cls, self.verdict, self._implementations(cls) == self.originals)
        subclasses: list[type] = type.__subclasses__(cls)
        for subclass in subclasses:
            self.note(subclass)

    def drop_plans(self) -> None:
        """Renews the verdict on every class; called when a watched class was patched."""
        self.note(self.root)
