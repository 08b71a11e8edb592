"""Finding the application that a module, a file or an expression names."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from costrel import App, Blueprint, current_app
from costrel.cli import NoAppException, call_factory, find_app_by_string, find_best_app, locate_app, prepare_import
from costrel.cli.locate import is_app
from tests.as_flask.programs import run_python
from tests.support.command_line import Write, make_app, module

FIRST, SECOND = make_app("first"), make_app("second")


def _wants_argument(name: str) -> App:
    return make_app(name)


def _default_argument(name: str = "default") -> App:
    return make_app(name)


def _broken_factory() -> App:
    raise TypeError("a mistake in the factory")


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"app": FIRST}, "first"),
        ({"application": FIRST}, "first"),
        ({"anything": FIRST}, "first"),
        ({"app": FIRST, "other": SECOND}, "first"),
        ({"application": SECOND, "other": FIRST}, "second"),
        ({"app": "no application", "other": SECOND}, "second"),
        ({"create_app": make_app}, "shop"),
        ({"make_app": make_app}, "shop"),
        ({"create_app": _default_argument}, "default"),
        ({"app": FIRST, "create_app": make_app}, "first"),
        ({"create_app": lambda: None, "make_app": make_app}, "shop"),
        ({"App": App, "current_app": current_app, "one": FIRST}, "first"),
    ],
)
def test_best_app(attributes: dict[str, Any], name: str) -> None:
    """A module's application is the one with a usual name, else the only one, else what a usual factory makes."""
    assert find_best_app(module(**attributes)).name == name


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({}, "'shop:name'"),
        ({"App": App}, "neither an application nor a factory"),
        ({"create_app": "no function"}, "neither an application nor a factory"),
        ({"create_app": lambda: None}, "neither an application nor a factory"),
        ({"one": FIRST, "two": SECOND}, "one, two"),
        ({"create_app": _wants_argument}, "shop:create_app(args)"),
    ],
)
def test_no_best_app(attributes: dict[str, Any], said: str) -> None:
    """A module without a clear application is refused with what to write instead."""
    with pytest.raises(NoAppException) as refused:
        find_best_app(module(**attributes))
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("app = Flask(__name__)", None, "'other_shop:app' is an application of Flask itself. "),
        ("def make_app(): return Flask(__name__)", None, "'other_shop:make_app()' is an application of Flask itself. "),
        (
            "class Shop(Flask): pass\nshop = Shop(__name__)",
            "shop",
            "'other_shop:shop' is an application of Flask itself. ",
        ),
        ("def make(): return Flask(__name__)", "make()", "'other_shop:make()' is an application of Flask itself. "),
        ("import sys\nsys.modules['flask'] = None\nfrom flask import g", None, "The program is written for Flask. "),
    ],
)
def test_program_for_flask(write: Write, tmp_path: Path, text: str, name: str | None, said: str) -> None:
    """A program written for Flask, whether that is installed or not, is refused with the option that runs it."""
    write("other_shop.py", f"from flask import Flask\n{text}\n")
    done = run_python(
        "-c", f"from costrel.cli import locate_app\nlocate_app('other_shop', {name!r})\n", folder=tmp_path
    )
    assert f"{said}To run it on costrel write --as-flask before the other options, " in done.stderr


def test_error_in_factory_is_its_own() -> None:
    """A TypeError that the factory's own code raises is not taken for wrong arguments."""
    with pytest.raises(TypeError, match="a mistake in the factory"):
        find_best_app(module(create_app=_broken_factory))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("first", "first"),
        (" first ", "first"),
        ("make", "shop"),
        ("make()", "shop"),
        ('make("named")', "named"),
        ("make(name='named')", "named"),
        (' make ( "named", ) ', "named"),
    ],
)
def test_app_by_string(text: str, name: str) -> None:
    """A text names a variable, a factory, or a call of a factory with literals."""
    assert find_app_by_string(module(first=FIRST, make=make_app), text).name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no.name", "neither a name nor a call"),
        ("1 +", "neither a name nor a call"),
        ("", "neither a name nor a call"),
        ("first.cli()", "plain name"),
        ("make(first)", "literals"),
        ("make(**{})", "'**'"),
        ("missing", "no attribute 'missing'"),
        ("make(1, 2, 3)", "make(name: 'str' = 'shop')"),
        ("make(other=1)", "does not take these arguments"),
        ("number", "type 'int'"),
        ("nothing()", "type 'NoneType'"),
    ],
)
def test_no_app_by_string(text: str, said: str) -> None:
    """A text that leads to no application is refused with the reason."""
    with pytest.raises(NoAppException) as refused:
        find_app_by_string(module(first=FIRST, make=make_app, number=1, nothing=lambda: None), text)
    assert said in refused.value.message


def test_error_in_named_factory_is_its_own() -> None:
    """A TypeError of a factory that was named is left as it is, too."""
    with pytest.raises(TypeError, match="a mistake in the factory"):
        find_app_by_string(module(create=_broken_factory), "create()")


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        ("test", "", "test"),
        ("test.py", "", "test"),
        ("a/test", "a", "test"),
        ("test/__init__.py", "", "test"),
        ("package/inner/module.py", "", "package.inner.module"),
        ("package", "", "package"),
        ("package.inner", "", "package.inner"),
        ("some.module", "", "some.module"),
        ("text.txt", "", "text.txt"),
    ],
)
def test_prepare_import(write: Write, tmp_path: Path, path: str, folder: str, name: str) -> None:
    """The folder of the outermost package goes to the front of the search path, and the dotted name is returned."""
    write("package/__init__.py")
    write("package/inner/__init__.py")
    assert prepare_import(path) == name
    assert prepare_import(path) == name
    expected = os.path.realpath(tmp_path / folder)
    assert sys.path[0] == expected
    assert sys.path.count(expected) == 1


def test_locate_app(write: Write) -> None:
    """A module is imported by its name, and its application found."""
    write("shop_of_names.py", "from costrel import App\none = App('one')\ntwo = App('two')\n")
    write("shop_of_one.py", "from costrel import App\napp = App('one')\n")
    prepare_import("shop_of_one.py")
    assert locate_app("shop_of_one", None).name == "one"
    assert locate_app("shop_of_names", "two").name == "two"


def test_locate_app_without_module() -> None:
    """A module that is not there is refused, unless that was asked not to matter."""
    with pytest.raises(NoAppException, match="no module 'not_there_at_all'"):
        locate_app("not_there_at_all", None)
    assert locate_app("not_there_at_all", None, raise_if_not_found=False) is None


@pytest.mark.parametrize("raise_if_not_found", [True, False])
def test_import_error_in_the_module(write: Write, raise_if_not_found: bool) -> None:
    """A failed import inside the module is shown with its traceback, never taken for a missing module."""
    write("importing.py", "import not_there_at_all\n")
    prepare_import("importing.py")
    with pytest.raises(NoAppException) as refused:
        locate_app("importing", None, raise_if_not_found=raise_if_not_found)
    assert "Traceback" in refused.value.message
    assert "importing.py" in refused.value.message
    assert isinstance(refused.value.__cause__, ModuleNotFoundError)


def test_is_app() -> None:
    """Only an object of the application's class is one: neither the class nor a proxy, nor what else has routes."""
    values = [App, current_app, Blueprint("part", "part"), None, make_app]
    assert is_app(make_app())
    assert [value for value in values if is_app(value)] == []
    with make_app().app_context():
        assert not is_app(current_app)


def test_call_factory() -> None:
    """Arguments that do not fit are told in the given words; the error of the function itself is not hidden."""
    assert call_factory(make_app, ["named"], otherwise="unused").name == "named"
    assert call_factory(make_app, kwargs={"name": "named"}, otherwise="unused").name == "named"
    with pytest.raises(NoAppException, match="these words"):
        call_factory(make_app, [1, 2], otherwise="these words")
    with pytest.raises(TypeError, match="a mistake in the factory"):
        call_factory(_broken_factory, otherwise="unused")
