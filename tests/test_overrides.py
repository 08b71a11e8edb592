"""Whether a class overrides what a short way leaves out is known at any time."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from costrel.overrides import Overrides
from costrel.watch import WatchedType


class Message(metaclass=WatchedType):
    """A class with a short way for ``send``."""

    _plain = True

    def __init_subclass__(cls) -> None:
        overrides.note(cls)

    def send(self) -> str:
        """Is what subclasses override."""
        return "sent"


overrides = Overrides(Message, ("send", "absent"))


def test_subclasses() -> None:
    """A class that overrides one of the names, and whatever inherits from it, is not plain."""
    plain: Any = type("Plain", (Message,), {"other": 1})
    own: Any = type("Own", (plain,), {"send": None})
    late: Any = type("Late", (plain,), {"absent": None})
    child: Any = type("Child", (own,), {})
    mixed: Any = type("Mixed", (type("Mixin", (), {"send": None}), Message), {})
    assert [cls._plain for cls in (plain, own, late, child, mixed)] == [True, False, False, False, False]


@pytest.mark.parametrize("name", ["send", "absent"])
def test_patches(name: str) -> None:
    """A patch on a class holds for its subclasses, and is over when it is taken back."""
    base: Any = type("Base", (Message,), {})
    child: Any = type("Child", (base,), {})
    setattr(base, name, lambda self: "patched")
    assert not base._plain
    assert not child._plain
    assert Message._plain
    delattr(base, name)
    assert base._plain
    assert child._plain


def test_classes_are_not_kept_alive() -> None:
    """A class that nobody uses any more is freed."""
    reference = weakref.ref(type("Gone", (Message,), {}))
    gc.collect()
    assert reference() is None
