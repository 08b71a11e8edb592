"""Where modules and packages of every kind lie, and where the instance folder of an app is."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from costrel.packages import find_instance_path, find_package, get_root_path

NAMES = ("costrel_site_app", "costrel_site_package", "costrel_site_namespace")


@pytest.fixture(autouse=True)
def _forget_modules() -> Iterator[None]:
    """Forgets the modules that a test imported from its temporary folder."""
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in NAMES]:
        del sys.modules[name]


def _fill(folder: Path) -> Path:
    """Puts a module, a package and a namespace package into a folder."""
    (folder / "costrel_site_package" / "inner").mkdir(parents=True)
    (folder / "costrel_site_namespace" / "app").mkdir(parents=True)
    (folder / "costrel_site_app.py").write_text("")
    (folder / "costrel_site_package" / "__init__.py").write_text("")
    (folder / "costrel_site_package" / "inner" / "__init__.py").write_text("")
    (folder / "costrel_site_namespace" / "app" / "__init__.py").write_text("")
    (folder / "costrel_site_namespace" / "module.py").write_text("")
    return folder


IMPORT_NAMES = (
    "costrel_site_app",
    "costrel_site_package",
    "costrel_site_package.inner",
    "costrel_site_namespace",
    "costrel_site_namespace.app",
    "costrel_site_namespace.module",
)


@pytest.mark.parametrize("name", IMPORT_NAMES)
@pytest.mark.parametrize(
    ("layout", "prefix"),
    [
        ("project", None),
        ("venv/lib/python3.11/site-packages", "venv"),
        ("venv/Lib/site-packages", "venv"),
        ("other/site-packages", "other"),
    ],
)
def test_find_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, layout: str, prefix: str | None
) -> None:
    """A package is found where it is imported from; the prefix is that of the environment it is installed in."""
    folder = tmp_path / layout
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(_fill(folder)))
    expected = None if prefix is None else str(tmp_path / prefix)
    assert find_package(name) == (expected, str(folder))


@pytest.mark.parametrize("name", IMPORT_NAMES)
def test_find_package_in_the_running_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What lies anywhere under the prefix of the running Python has that prefix."""
    folder = tmp_path / "lib"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(_fill(folder)))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert find_package(name) == (str(tmp_path), str(folder))


def test_find_package_next_to_the_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose name only begins like the prefix does not lie in it."""
    folder = tmp_path / "venv-project"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(_fill(folder)))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    assert find_package("costrel_site_app") == (None, str(folder))


def test_find_package_in_a_split_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the folders of a namespace package, that one counts which has the inner package."""
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "costrel_site_namespace" / "other").mkdir(parents=True)
    second.mkdir()
    monkeypatch.syspath_prepend(str(_fill(second)))
    monkeypatch.syspath_prepend(str(first))
    assert find_package("costrel_site_namespace.app") == (None, str(second))
    assert find_package("costrel_site_namespace.other") == (None, str(first))
    assert find_package("costrel_site_namespace") == (None, str(first))


@pytest.mark.parametrize("name", ["__main__", "no_such_module", "no_such_module.inner", ""])
def test_find_package_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What cannot be found is taken to lie in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    assert find_package(name) == (None, str(tmp_path))
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("costrel_site_app", "."),
        ("costrel_site_package", "costrel_site_package"),
        ("costrel_site_package.inner", "costrel_site_package/inner"),
        ("costrel_site_namespace.app", "costrel_site_namespace/app"),
        ("costrel_site_namespace.module", "costrel_site_namespace"),
    ],
)
@pytest.mark.parametrize("imported", [False, True])
def test_get_root_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, expected: str, imported: bool
) -> None:
    """The root path is the folder of the module's file, whether or not it has been imported."""
    monkeypatch.syspath_prepend(str(_fill(tmp_path)))
    if imported:
        importlib.import_module(name)
    assert get_root_path(name) == str(tmp_path / expected)


@pytest.mark.parametrize("name", ["__main__", "no_such_module", "no_such.module", ""])
def test_get_root_path_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What cannot be found, or has no file, is taken to lie in the current directory."""
    monkeypatch.chdir(tmp_path)
    main = ModuleType("__main__")
    main.__spec__ = None
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert get_root_path(name) == str(tmp_path)
    monkeypatch.undo()


class Loader:
    """A loader that tells no file names."""

    def __init__(self, file: str | None) -> None:
        self.file = file

    def create_module(self, spec: object) -> None:
        """Leaves it to Python."""

    def exec_module(self, module: Any) -> None:
        """Gives the module a file, or none."""
        if self.file is not None:
            module.__file__ = self.file


class Finder:
    """Finds one module, with a given loader."""

    def __init__(self, file: str | None) -> None:
        self.file = file

    def find_spec(self, name: str, *args: object) -> importlib.machinery.ModuleSpec | None:
        """Returns a spec for the module."""
        if name != "costrel_site_app":
            return None
        return importlib.machinery.ModuleSpec(name, Loader(self.file))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_get_root_path_of_an_unusual_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the loader tells no file name, the module is imported and asked."""
    monkeypatch.setattr(sys, "meta_path", [Finder(str(tmp_path / "app.py")), *sys.meta_path])
    assert get_root_path("costrel_site_app") == str(tmp_path)


def test_get_root_path_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module without a file is an error that shows the argument to pass."""
    monkeypatch.setattr(sys, "meta_path", [Finder(None), *sys.meta_path])
    with pytest.raises(RuntimeError, match=r"'costrel_site_app'.*App\('costrel_site_app', root_path="):
        get_root_path("costrel_site_app")


def test_get_root_path_of_a_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace package has no root path of its own, which the error explains."""
    monkeypatch.syspath_prepend(str(_fill(tmp_path)))
    importlib.import_module("costrel_site_namespace")
    with pytest.raises(RuntimeError, match=r"namespace package"):
        get_root_path("costrel_site_namespace")


def test_find_package_built_in() -> None:
    """A built-in module has no folder, which is no error."""
    assert find_package("sys") == (None, "")


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("project", "project/instance"),
        ("venv/lib/python3.12/site-packages", "venv/var/shop-instance"),
    ],
)
def test_find_instance_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, expected: str) -> None:
    """The instance folder lies next to a package in a checkout, and under the prefix of an installed one."""
    folder = tmp_path / layout
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(_fill(folder)))
    assert find_instance_path("costrel_site_package", "shop") == str(tmp_path / expected)


FLASK = """
import sys
sys.path[:0] = {folders!r}
{imports}
for name in {names!r}:
    try:
        print(name, find_package(name), get_root_path(name))
    except RuntimeError:
        print(name, "no root path")
"""
IMPORTS = (
    "from flask.sansio.scaffold import find_package\nfrom flask.helpers import get_root_path",
    "from costrel.packages import find_package, get_root_path",
)


def test_same_as_flask(tmp_path: Path) -> None:
    """Packages of every kind are found in the same places as by Flask."""
    folders = [tmp_path / "a", tmp_path / "venv/lib/python3/site-packages"]
    for folder in folders:
        folder.mkdir(parents=True)
    (folders[0] / "costrel_site_namespace" / "other").mkdir(parents=True)
    _fill(folders[1])
    # Flask raises StopIteration for a split namespace package as such.
    names = (
        *IMPORT_NAMES[:3],
        *IMPORT_NAMES[4:],
        "costrel_site_namespace.other",
        "json",
        "__main__",
        "nothing",
        "werkzeug.routing",
    )
    outputs = []
    for imports in IMPORTS:
        code = FLASK.format(folders=[str(folder) for folder in folders], imports=imports, names=names)
        run = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path, env={**os.environ}
        )
        outputs.append(run.stdout)
    assert outputs[0] == outputs[1] != ""
