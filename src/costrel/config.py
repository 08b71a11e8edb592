"""The settings of an app: a dict that can be filled from Python files, objects, data files and the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from types import ModuleType
from typing import IO, Any, ClassVar, Generic, Protocol, TypeVar, overload

from werkzeug.utils import import_string

from costrel import environment
from costrel.watch import WatchedDict

T = TypeVar("T")

#: What ``silent`` passes over: nothing has this name, or it is not a file.
_MISSING = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class HasConfig(Protocol):
    """The part of an app that ``ConfigAttribute`` uses."""

    @property
    def config(self) -> Config: ...


class ConfigAttribute(Generic[T]):
    """An attribute of an app whose value is kept in the app's config.

    :param name: the key in the config.
    :param get_converter: called with the config's value; what it returns is the value of the attribute.
    """

    def __init__(self, name: str, get_converter: Callable[[Any], T] | None = None) -> None:
        self.__name__ = name
        self.get_converter = get_converter

    @overload
    def __get__(self, obj: None, owner: type[Any] | None = None) -> ConfigAttribute[T]: ...

    @overload
    def __get__(self, obj: HasConfig, owner: type[Any] | None = None) -> T: ...

    def __get__(self, obj: HasConfig | None, owner: type[Any] | None = None) -> T | ConfigAttribute[T]:
        if obj is None:
            return self
        value: T = obj.config[self.__name__]
        return value if self.get_converter is None else self.get_converter(value)

    def __set__(self, obj: HasConfig, value: Any) -> None:
        obj.config[self.__name__] = value


class Config(WatchedDict[str, Any]):
    """A dict of settings with methods that read more of them; names of settings are in upper case.

    :param root_path: the folder that relative file names are looked up in; for an app, its ``root_path``.
    :param defaults: the first content.

    >>> config = Config("/srv/shop", {"DEBUG": False})
    >>> config.from_mapping(SECRET_KEY="k", note="lower case is left out")
    True
    >>> config
    <Config {'DEBUG': False, 'SECRET_KEY': '[hidden]'}>
    """

    #: Whether ``repr`` shows a placeholder for what is a secret by its name, such as ``SECRET_KEY``.
    hides_secrets: ClassVar[bool] = True

    def __init__(self, root_path: str | os.PathLike[str], defaults: Mapping[str, Any] | None = None) -> None:
        super().__init__(defaults or {})
        self.root_path = root_path

    def from_envvar(self, variable_name: str, silent: bool = False) -> bool:
        """Reads the Python file that an environment variable names.

        :param variable_name: the variable.
        :param silent: return False where the variable is unset or there is no such file.
        :returns: whether a file was read.
        :raises RuntimeError: the variable is not set.
        :raises OSError: the file cannot be read.
        """
        filename = os.environ.get(variable_name)
        if filename:
            return self.from_pyfile(filename, silent=silent)
        if silent:
            return False
        raise RuntimeError(
            f"The environment variable {variable_name!r} is not set, so there is no configuration file to read. Set it"
            f" before the start, such as `export {variable_name}=/path/to/settings.py` (Windows:"
            f" `set {variable_name}=C:\\path\\to\\settings.py`), or pass silent=True to start without the file."
        )

    def from_prefixed_env(self, prefix: str | None = None, *, loads: Callable[[str], Any] = json.loads) -> bool:
        """Reads each environment variable whose name begins with a prefix and an underscore.

        ``COSTREL_MAX_CONTENT_LENGTH=1000`` sets ``MAX_CONTENT_LENGTH`` to 1000. Two underscores lead into a dict:
        ``COSTREL_DATABASE__URI`` sets ``config["DATABASE"]["URI"]``; dicts that are missing on the way are made.
        The rest of the name is the key as it stands, in the case that the environment gives. Variables are read in
        the order of their names.

        :param prefix: without the underscore; None: ``COSTREL``, and with ``costrel.as_flask`` before it ``FLASK``.
        :param loads: called with each value; where it raises any error, the value is kept as text.
        :returns: True.
        :raises TypeError: a name leads into a setting that is not a dict.
        """
        for one in reversed(environment.prefixes) if prefix is None else [prefix]:
            self._from_env(f"{one}_", loads)
        return True

    def _from_env(self, start: str, loads: Callable[[str], Any]) -> None:
        for name in sorted(os.environ):
            if not name.startswith(start):
                continue
            value: Any = os.environ[name]
            with suppress(Exception):  # Text that is no JSON is text.
                value = loads(value)
            *outer, last = name[len(start) :].split("__")
            if outer:
                self._inner_dict(name, outer)[last] = value
                self.changed()
            else:
                self[last] = value

    def _inner_dict(self, variable_name: str, keys: list[str]) -> MutableMapping[str, Any]:
        """Returns the dict inside dicts that the keys lead to, made where it is missing."""
        inner: MutableMapping[str, Any] = self
        for key in keys:
            if key not in inner:
                inner[key] = {}
            inner = inner[key]
            if not isinstance(inner, MutableMapping):
                raise TypeError(
                    f"The environment variable {variable_name!r} sets an item of the setting {key!r}, which is not a"
                    f" dict but {type(inner).__name__}. Rename the variable, or set {key!r} to a dict first."
                )
        return inner

    def from_pyfile(self, filename: str | os.PathLike[str], silent: bool = False) -> bool:
        """Runs a Python file and takes its names in upper case.

        :param filename: absolute, or relative to ``root_path``.
        :param silent: return False where there is no such file.
        :returns: whether the file was read.
        :raises OSError: the file cannot be read.
        """
        path = os.path.join(self.root_path, filename)
        module = ModuleType("config")
        module.__file__ = path
        try:
            with open(path, "rb") as file:
                code = compile(file.read(), path, "exec")
            exec(code, module.__dict__)
        except OSError as error:
            return self._not_read(error, silent)
        self.from_object(module)
        return True

    def from_object(self, obj: object | str) -> None:
        """Takes the attributes in upper case of an object, mostly a module or a class.

        :param obj: the object, or the name that it can be imported by, such as ``"shop.settings"`` or
            ``"shop.settings:Production"``. A class is not called first, so its properties are not settings yet. A
            dict has no such attributes: use ``from_mapping``.
        :raises ImportError: there is nothing by this name.
        """
        if isinstance(obj, str):
            obj = import_string(obj)
        for name in dir(obj):
            if name.isupper():
                self[name] = getattr(obj, name)

    def from_file(
        self,
        filename: str | os.PathLike[str],
        load: Callable[[IO[Any]], Mapping[str, Any]],
        silent: bool = False,
        text: bool = True,
    ) -> bool:
        """Reads a data file: ``config.from_file("settings.toml", load=tomllib.load, text=False)``.

        :param filename: absolute, or relative to ``root_path``.
        :param load: called with the open file; returns a mapping, whose keys in upper case are taken.
        :param silent: return False where there is no such file.
        :param text: open the file as text; False: as bytes, which ``tomllib`` needs.
        :returns: whether the file was read.
        :raises OSError: the file cannot be read.
        :raises ValueError: it cannot be parsed; the message names it.
        """
        path = os.path.join(self.root_path, filename)
        try:
            with open(path, "r" if text else "rb") as file:
                mapping = load(file)
        except OSError as error:
            return self._not_read(error, silent)
        except ValueError as error:
            # What parsers of JSON and TOML raise says the line, and not of which file.
            error.args = (f"{error} (in the configuration file {path})", *error.args[1:])
            raise
        return self.from_mapping(mapping)

    def _not_read(self, error: OSError, silent: bool) -> bool:
        """Returns False where the error is to be passed over, else raises it, saying what the file was for."""
        if silent and isinstance(error, _MISSING):
            return False
        error.strerror = f"Unable to load configuration file ({error.strerror})"
        raise error

    def from_mapping(self, mapping: Mapping[str, Any] | None = None, **kwargs: Any) -> bool:
        """Takes the items of a mapping, and the keyword arguments, whose keys are in upper case.

        :returns: True.
        """
        for key, value in {**dict(mapping or {}), **kwargs}.items():
            if key.isupper():
                self[key] = value
        return True

    def get_namespace(self, namespace: str, lowercase: bool = True, trim_namespace: bool = True) -> dict[str, Any]:
        """Returns the settings whose names begin in the same way, such as for the arguments of a function.

        :param namespace: the beginning.
        :param lowercase: give the keys in lower case.
        :param trim_namespace: leave the beginning out of the keys.

        >>> Config("", {"STORE_URL": "/img", "STORE_KIND": "fs"}).get_namespace("STORE_")
        {'url': '/img', 'kind': 'fs'}
        """
        found = {}
        for name, value in self.items():
            if name.startswith(namespace):
                key = name[len(namespace) :] if trim_namespace else name
                found[key.lower() if lowercase else key] = value
        return found

    def __repr__(self) -> str:
        if not self.hides_secrets:
            return f"<{type(self).__name__} {dict.__repr__(self)}>"
        # Start-up: its regular expressions take a millisecond, and few programs show their settings.
        from costrel.masking import masked

        return f"<{type(self).__name__} {masked(self)}>"
