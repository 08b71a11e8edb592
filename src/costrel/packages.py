"""Finds the folders of an imported module: where its files lie, where it is installed, where its instance folder is."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec


def _find_spec(name: str) -> ModuleSpec | None:
    """Returns how a module would be imported, None where nothing is known of it."""
    try:
        return find_spec(name)
    except (ImportError, ValueError):  # ValueError: no valid name, or ``__main__``
        return None


def get_root_path(import_name: str) -> str:
    """Returns the folder of a module's file, or of a package's ``__init__.py``.

    :param import_name: mostly an app's ``__name__``. Where there is no such module, or it has no file, as in an
        interactive session, the current directory is returned.
    :raises RuntimeError: the module was found but not a file of it: a namespace package, or an unusual importer.
    """
    file: str | None = getattr(sys.modules.get(import_name), "__file__", None)
    if file is not None:
        return os.path.dirname(os.path.abspath(file))
    spec = _find_spec(import_name)
    if spec is None or spec.loader is None:
        return os.getcwd()
    get_filename = getattr(spec.loader, "get_filename", None)
    if get_filename is not None:
        file = get_filename(import_name)
    else:
        __import__(import_name)
        file = getattr(sys.modules[import_name], "__file__", None)
    if file is None:
        raise RuntimeError(
            f"No root path can be found for {import_name!r}: the module has no file. It may be a namespace package,"
            " which is a folder without `__init__.py`, or come from an importer that does not tell file names. Pass"
            f" the folder of its templates and static files: App({import_name!r}, root_path='/path/to/folder')."
        )
    return os.path.dirname(os.path.abspath(file))


def _find_package_path(import_name: str) -> str:
    """Returns the folder that the top-level module or package of a name is imported from."""
    root_spec = _find_spec(import_name.partition(".")[0])
    if root_spec is None:
        return os.getcwd()
    locations = root_spec.submodule_search_locations
    if not locations:  # a module; a built-in one has no origin with a folder
        return os.path.dirname(root_spec.origin or "")
    if root_spec.origin not in (None, "namespace"):  # a package
        return os.path.dirname(os.path.dirname(str(root_spec.origin)))
    # A namespace package may lie in several folders: take the one that has the inner package.
    spec = _find_spec(import_name)
    if spec is not None and spec.submodule_search_locations:
        inner = os.path.commonpath(spec.submodule_search_locations)
        locations = [location for location in locations if _is_inside(inner, location)] or locations
    return os.path.dirname(locations[0])


def _is_inside(path: str, folder: str) -> bool:
    """Tells whether a path is a folder or lies in it."""
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path == folder or path.startswith(os.path.join(folder, ""))


def find_package(import_name: str) -> tuple[str | None, str]:
    """Returns the prefix that a package is installed under, and the folder that it is imported from.

    The prefix is the folder that has ``lib`` and ``bin``: of this Python, or of the virtual environment whose
    ``site-packages`` the package lies in. It is None where the package is not installed, as in a checkout. A package
    that cannot be found is taken to lie in the current directory.
    """
    package_path = _find_package_path(import_name)
    prefix = os.path.abspath(sys.prefix)
    if _is_inside(package_path, prefix):
        return prefix, package_path
    parent, folder = os.path.split(package_path)
    if folder.lower() != "site-packages":
        return None, package_path
    grandparent, folder = os.path.split(parent)
    if folder.lower() == "lib":  # Windows: prefix/Lib/site-packages
        return grandparent, package_path
    if os.path.basename(grandparent).lower() == "lib":  # prefix/lib/python3.X/site-packages
        return os.path.dirname(grandparent), package_path
    return parent, package_path


def find_instance_path(import_name: str, name: str) -> str:
    """Returns the folder for what belongs to one installation of an app, such as its database; it need not exist.

    :param import_name: the app's import name.
    :param name: the app's name, for the folder of an installed app.
    :returns: ``instance`` next to a package that is not installed, else ``var/<name>-instance`` under its prefix.
    """
    prefix, package_path = find_package(import_name)
    if prefix is None:
        return os.path.join(package_path, "instance")
    return os.path.join(prefix, "var", f"{name}-instance")
