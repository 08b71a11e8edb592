"""Finds the application that a module, a file name or an expression like ``module:create_app("test")`` names."""

from __future__ import annotations

import ast
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, overload

import click

from costrel.watch import WatchedType

if TYPE_CHECKING:
    from costrel.app import App

_HOW_TO_RUN_FLASK = (
    "To run it on costrel write --as-flask before the other options, or `import costrel.as_flask` as the first line of"
    " the program."
)


class NoAppException(click.UsageError):
    """No application was found, or it could not be loaded; the message says where and what to write."""


def is_app(value: object) -> TypeGuard[App]:
    """Tells whether a value is an application.

    Their class lives above this layer, so they are known by its metaclass and by what only they can do. The value's
    class is asked, because a proxy such as ``current_app`` would answer for an application that may not be there.
    """
    cls = type(value)
    return isinstance(cls, WatchedType) and callable(getattr(cls, "wsgi_app", None))


def find_best_app(module: ModuleType) -> App:
    """Returns the application of a module.

    It is the one named ``app`` or ``application``, else the only one there is, else what ``create_app()`` or
    ``make_app()`` returns.

    :raises NoAppException: where there is none, or more than one.
    """
    for name in ("app", "application"):
        value = getattr(module, name, None)
        if is_app(value):
            return value

    found = {name: value for name, value in vars(module).items() if is_app(value)}
    if len(found) > 1:
        first = next(iter(found))
        raise NoAppException(
            f"The module {module.__name__!r} has several applications: {', '.join(found)}."
            f" Say which one is meant, as in '{module.__name__}:{first}'."
        )
    for value in found.values():
        return value

    for name in ("create_app", "make_app"):
        factory = getattr(module, name, None)
        if not inspect.isfunction(factory):
            continue
        made = call_factory(
            factory,
            otherwise=f"The factory {name!r} in module {module.__name__!r} cannot be called without arguments."
            f" Give them, as in '{module.__name__}:{name}(args)'.",
        )
        if is_app(made):
            return made
        _refuse_flask(f"{module.__name__}:{name}()", made)

    for name, value in vars(module).items():
        _refuse_flask(f"{module.__name__}:{name}", value)
    raise NoAppException(
        f"The module {module.__name__!r} has neither an application nor a factory of one. Name the variable or the"
        f" function that gives it, as in '{module.__name__}:name'."
    )


def _refuse_flask(name: str, value: object) -> None:
    """Raises NoAppException where a value is an application of Flask itself."""
    if any((cls.__module__, cls.__name__) == ("flask.app", "Flask") for cls in type(value).__mro__):
        raise NoAppException(f"'{name}' is an application of Flask itself. {_HOW_TO_RUN_FLASK}")


def call_factory(
    factory: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    otherwise: str,
) -> Any:
    """Calls the factory and returns what it gives.

    :param otherwise: what the exception says where the factory does not take these arguments.
    :raises NoAppException: where it does not; a TypeError of the factory's own code is left as it is.
    """
    try:
        return factory(*args, **(kwargs or {}))
    except TypeError as error:
        if _was_entered(factory, error.__traceback__):
            raise
        raise NoAppException(otherwise) from error


def _was_entered(function: Callable[..., Any], step: Any) -> bool:
    """Tells whether a traceback passes through the function, so that its arguments had been right."""
    while step is not None:
        if step.tb_frame.f_code is function.__code__:
            return True
        step = step.tb_next
    return False


def find_app_by_string(module: ModuleType, app_name: str) -> App:
    """Returns the application that the text names in a module.

    :param app_name: the name of a variable or of a factory, or a call of a factory with literal arguments:
        ``app``, ``create_app``, ``create_app("test", debug=True)``.
    :raises NoAppException: where the text is none of these or does not lead to an application.
    """
    name, args, kwargs = _parse_app_name(app_name)
    try:
        value = getattr(module, name)
    except AttributeError as error:
        raise NoAppException(f"The module {module.__name__!r} has no attribute {name!r}.") from error

    if inspect.isfunction(value):
        value = call_factory(
            value,
            args,
            kwargs,
            otherwise=f"The factory {app_name!r} in module {module.__name__!r} does not take these arguments;"
            f" it is {name}{inspect.signature(value)}.",
        )
    if is_app(value):
        return value
    _refuse_flask(f"{module.__name__}:{app_name}", value)
    raise NoAppException(
        f"'{module.__name__}:{app_name}' is not an application but a value of type {type(value).__name__!r}."
    )


def _parse_app_name(app_name: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Splits ``name`` or ``name(1, key="2")`` into the name, the arguments and the keyword arguments."""
    try:
        expression = ast.parse(app_name.strip(), mode="eval").body
    except SyntaxError:
        expression = None
    if isinstance(expression, ast.Name):
        return expression.id, [], {}
    if not isinstance(expression, ast.Call):
        raise NoAppException(f"{app_name!r} is neither a name nor a call of a function, such as create_app(1).")
    if not isinstance(expression.func, ast.Name):
        raise NoAppException(f"The function in {app_name!r} has to be a plain name of the module.")
    if any(keyword.arg is None for keyword in expression.keywords):
        raise NoAppException(f"Write the arguments of {app_name!r} out: '**' cannot be used here.")
    try:
        args = [ast.literal_eval(argument) for argument in expression.args]
        kwargs = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in expression.keywords}
    except ValueError:
        raise NoAppException(
            f"The arguments of {app_name!r} have to be literals: texts in quotes, numbers, True, False, None, or lists,"
            " tuples and dicts of them."
        ) from None
    return expression.func.id, args, kwargs


def prepare_import(path: str) -> str:
    """Makes a module importable by putting the folder of its outermost package first on ``sys.path``.

    :param path: a file or folder, or the dotted name of a module in the current directory or on ``sys.path``.
    :returns: the dotted name to import.
    """
    path = os.path.realpath(path)
    stem, extension = os.path.splitext(path)
    if extension == ".py":
        path = stem
    folder, name = os.path.split(path)
    if name == "__init__":
        folder, name = os.path.split(folder)
    parts = [name]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, name = os.path.split(folder)
        parts.insert(0, name)
    if sys.path[0] != folder:
        sys.path.insert(0, folder)
    return ".".join(parts)


@overload
def locate_app(module_name: str, app_name: str | None, raise_if_not_found: Literal[True] = True) -> App: ...


@overload
def locate_app(module_name: str, app_name: str | None, raise_if_not_found: bool = ...) -> App | None: ...


def locate_app(module_name: str, app_name: str | None, raise_if_not_found: bool = True) -> App | None:
    """Imports a module and returns its application.

    :param module_name: a dotted name.
    :param app_name: what :func:`find_app_by_string` takes; None to let :func:`find_best_app` choose.
    :param raise_if_not_found: False to return None where there is no such module.
    :raises NoAppException: where there is no such module, or no application in it, or an import in it fails; the
        ImportError is its cause then. Any other error of the module's code is left as it is.
    """
    try:
        __import__(module_name)
    except ImportError as error:
        # Python takes its own frames out of such tracebacks: one step means that the module itself was not found,
        # more of them that its code ran and an import in there failed.
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            message = f"Importing {module_name!r} raised an ImportError:\n\n{traceback.format_exc()}"
            if isinstance(error, ModuleNotFoundError) and error.name == "flask":
                message += f"\nThe program is written for Flask. {_HOW_TO_RUN_FLASK}"
            raise NoAppException(message) from error
        if raise_if_not_found:
            raise NoAppException(
                f"There is no module {module_name!r} to import. Give a dotted name or the path of a file."
            ) from None
        return None

    module = sys.modules[module_name]
    return find_best_app(module) if app_name is None else find_app_by_string(module, app_name)
