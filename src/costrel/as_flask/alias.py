"""The modules under the name ``flask``, which have costrel's objects in them, and how Python finds them.

Source: https://docs.python.org/3/reference/import.html#finders-and-loaders
"""

from __future__ import annotations

import dis
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, FrameType, ModuleType
from typing import Any

from costrel.as_flask.modules import BORROWED, OWN_NAMES, PACKAGES, SOURCES, explain_missing, version

_IMPORT_FROM = dis.opmap["IMPORT_FROM"]


class AliasModule(ModuleType):
    """A module with the objects of others: what is set in it is set there too, so that patches have their effect."""

    def __getattr__(self, name: str) -> Any:
        """Returns what the modules behind it make when first asked, or one of its own submodules."""
        full_name = f"{self.__name__}.{name}"
        if full_name in SOURCES:
            return importlib.import_module(full_name)
        if not name.startswith("__"):
            for source in _sources(self):
                # Modules of costrel are not for this name: `flask.app` is not `costrel.app`.
                value = getattr(source, name, self)
                if value is not self and not isinstance(value, ModuleType):
                    super().__setattr__(name, value)
                    return value
        if name in BORROWED.get(self.__name__, ()):
            home, _, other_name = BORROWED[self.__name__][name].partition(":")
            return getattr(importlib.import_module(home), other_name or name)
        found = version(self.__name__, name)
        if found is not None:
            return found
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not isinstance(value, ModuleType):
            for source in self._sources_with(name):
                setattr(source, name, value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        for source in self._sources_with(name):
            delattr(source, name)

    def _sources_with(self, name: str) -> list[ModuleType]:
        if name.startswith("__") or name in OWN_NAMES.get(self.__name__, ()):
            return []
        return [source for source in _sources(self) if name in vars(source)][:1]

    def __dir__(self) -> list[str]:
        below = (name.removeprefix(f"{self.__name__}.") for name in SOURCES)
        return sorted({*super().__dir__(), *(name for name in below if "." not in name)})

    def __repr__(self) -> str:
        return f"<module {self.__name__!r}, another name of {', '.join(SOURCES[self.__name__]) or 'costrel'}>"


class ExplainingModule(AliasModule):
    """An alias that says what to do where ``from flask import name`` asks for a name that Flask does not have."""

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            caller = sys._getframe(1)
            if caller.f_code.co_code[caller.f_lasti] != _IMPORT_FROM:
                raise
        raise ImportError(explain_missing(self.__name__, name), name=self.__name__)


def _sources(module: ModuleType) -> list[ModuleType]:
    return [importlib.import_module(name) for name in SOURCES[module.__name__]]


class AliasLoader(Loader):
    """Makes the modules under the name ``flask``."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Returns an empty module."""
        return ExplainingModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Fills a module with the objects of the modules behind it."""
        for source in reversed(_sources(module)):
            # For tools that want to see the source: the first module behind the name is the one to look into.
            module.__file__ = source.__file__
            for name, value in vars(source).items():
                ours = isinstance(value, ModuleType) and value.__name__.partition(".")[0] == "costrel"
                if not name.startswith("__") and not ours:
                    vars(module)[name] = value
        vars(module).update(OWN_NAMES.get(module.__name__, {}))

    def get_code(self, fullname: str) -> CodeType | None:
        """Returns the program of ``python -m flask``; the modules are made of objects and have no code."""
        if fullname != "flask.__main__":
            return None
        program = "from costrel.cli import cli\ncli.main(prog_name='python -m flask')\n"
        return compile(program, "<python -m flask>", "exec")


class AliasFinder(MetaPathFinder):
    """Finds ``flask`` and what is below it, before anything else could find the real one."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns the spec of a module of Flask, None for modules of other packages.

        :raises ModuleNotFoundError: Flask has no such module, and it is imported, not only looked for.
        """
        if fullname.partition(".")[0] != "flask":
            return None
        if fullname not in SOURCES and fullname != "flask.__main__":
            if not _importing():
                return None
            parent, _, name = fullname.rpartition(".")
            raise ModuleNotFoundError(explain_missing(parent, name), name=fullname)
        return ModuleSpec(fullname, AliasLoader(), origin="costrel.as_flask", is_package=fullname in PACKAGES)


def _importing() -> bool:
    """Tells whether an import asks the finder, and not a function like ``importlib.util.find_spec``."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_name == "_find_spec":
        frame = frame.f_back
    return frame is not None and frame.f_code.co_name == "_find_and_load_unlocked"
