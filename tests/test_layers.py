"""The modules of costrel keep to the layers, the house rules and the budgets of the architecture page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.layers import (
    Budget,
    budget_problems,
    docstring_problems,
    find_cycles,
    import_graph,
    imports_of,
    layer_problems,
)

#: Which units a layer holds. Imports point down or stay in the layer; nothing below 5 knows what is public.
LAYERS = {
    0: "asynchronous body config coroutines debugger encryption environment fields header_fields hostile invariants"
    " json_limits lazy masking multipart overrides packages routing serialize server session_data signals signing tags"
    " typing watch",
    1: "cookies cross_origin defaults diagnostics request request_form request_parts request_url response security"
    " session_cookie sessions",
    2: "context globals proxies",
    3: "auth cli helpers json logging policies static templating testing views",
    4: "app blueprints coerce dispatch ending errors failures plan registrar urls",
    5: "__init__ __main__ as_flask",
}
TABLE = {unit: layer for layer, units in LAYERS.items() for unit in units.split()}

#: Above everything: optional parts. The core never imports them.
OUTSIDE = {"ext"}

BUDGETS = {"costrel.cli": Budget(module=700), "costrel.app": Budget(module=700, klass=600)}

SOURCE_FOLDER = Path(__file__).parents[1] / "src" / "costrel"


def _module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE_FOLDER).with_suffix("").parts
    return ".".join(("costrel", *(part for part in parts if part != "__init__")))


SOURCES = {_module_name(path): path.read_text() for path in sorted(SOURCE_FOLDER.rglob("*.py"))}
CORE = {name: text for name, text in SOURCES.items() if name.split(".")[1:2] not in [[unit] for unit in OUTSIDE]}


@pytest.mark.parametrize("module", CORE)
def test_imports_point_down(module: str) -> None:
    """A module imports only its own layer and those below, by full name, at the top of the file."""
    assert layer_problems(module, CORE[module], TABLE, SOURCES) == []


def test_no_import_cycle() -> None:
    """No module imports itself by way of others, not even inside a function."""
    assert find_cycles(import_graph(SOURCES)) == []


@pytest.mark.parametrize("module", SOURCES)
def test_budgets(module: str) -> None:
    """Modules, functions and classes stay within their budgets of lines or say why not."""
    assert budget_problems(module, SOURCES[module], BUDGETS.get(module, Budget())) == []


@pytest.mark.parametrize("module", SOURCES)
def test_first_line_says_the_job(module: str) -> None:
    """The first line of a module is a docstring with one sentence."""
    assert docstring_problems(module, SOURCES[module]) == []


def test_table_has_no_ghosts() -> None:
    """Each unit of the layer table exists."""
    existing = {name.split(".")[1] if "." in name else "__init__" for name in SOURCES}
    assert TABLE.keys() - existing == set()


# The rest shows that the checks can fail: module texts made up for it, each with what is to be found in it.

KNOWN = ["costrel", "costrel.app", "costrel.signals", "costrel.context", "costrel.routing", "costrel.routing.rule"]


@pytest.mark.parametrize(
    ("module", "source", "problem"),
    [
        ("costrel.signals", "from costrel.app import App", "layer 0 imports costrel.app of layer 4"),
        ("costrel.signals", "from costrel import app", "layer 0 imports costrel.app of layer 4"),
        ("costrel.signals", "import costrel.context", "layer 0 imports costrel.context of layer 2"),
        ("costrel.app", "from costrel import App", "layer 4 imports costrel of layer 5"),
        ("costrel.app", "import costrel", "layer 4 imports costrel of layer 5"),
        ("costrel.routing.rule", "from costrel.context import g", "layer 0 imports costrel.context of layer 2"),
        ("costrel.app", "from .signals import sent", "relative import"),
        ("costrel.app", "from . import signals", "relative import"),
        ("costrel.app", "from costrel.ext.cache import Cache", "costrel.ext.cache, which is not in the layer table"),
        ("costrel.stray", "import os", "costrel.stray is not in the layer table"),
        ("costrel.app", "def f():\n    import ssl", "import of ssl inside a function without a comment"),
        ("costrel.app", "def f():\n    # why\n    import ssl", "inside a function without a comment"),
        ("costrel.app", "# It is neat.\ndef f():\n    import ssl", "inside a function without a comment"),
        ("costrel.app", "f = lambda: __import__('ssl')", "import of ssl inside a function without a comment"),
        (
            "costrel.signals",
            "from importlib import import_module\nimport_module('costrel.app')",
            "layer 0 imports costrel.app of layer 4",
        ),
        (
            "costrel.signals",
            "def f():\n    import costrel.app  # start-up",
            "layer 0 imports costrel.app of layer 4",
        ),
        (
            "costrel.signals",
            "if TYPE_CHECKING:\n    import os\nelse:\n    import costrel.app",
            "layer 0 imports costrel.app of layer 4",
        ),
    ],
)
def test_layer_check_finds_what_is_wrong(module: str, source: str, problem: str) -> None:
    """Each made-up module breaks one rule, and exactly that is reported."""
    found = layer_problems(module, source, TABLE, KNOWN)
    assert len(found) == 1
    assert problem in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("costrel.app", "from costrel import signals"),
        ("costrel.app", "from costrel.routing import Rule"),
        ("costrel", "from costrel.app import App"),
        ("costrel.signals", "if TYPE_CHECKING:\n    from costrel.app import App"),
        ("costrel.signals", "if typing.TYPE_CHECKING:\n    from costrel.app import App"),
        ("costrel.app", "def f():\n    import ssl  # optional dependency"),
        ("costrel.app", "def f():\n    # Saves 8 ms of start-up.\n    import asyncio\n    import ssl"),
        ("costrel.app", "try:\n    import ssl\nexcept ImportError:\n    ssl = None"),
        (
            "costrel.app",
            "def f():\n    # Not on every platform.\n    try:\n        import ssl\n    except OSError: ...",
        ),
        ("costrel.app", 'def f():\n    """Imports asyncio, which takes 8 ms."""\n    import asyncio'),
        ("costrel.app", "# To save start-up time uuid is imported on use.\ndef f():\n    import uuid"),
        ("costrel.app", "import_module(name)"),
    ],
)
def test_layer_check_lets_pass_what_is_right(module: str, source: str) -> None:
    """Each made-up module uses a form of import that is allowed."""
    assert layer_problems(module, source, TABLE, KNOWN) == []


def test_import_reader_tells_modules_from_names() -> None:
    """A name imported from a package is a module only where such a module exists."""
    source = "from costrel.routing import Rule, rule"
    assert [found.target for found in imports_of(source, KNOWN)] == ["costrel.routing", "costrel.routing.rule"]


def test_cycle_check_finds_a_cycle() -> None:
    """A cycle of three modules is found with its way; one that exists only for types is none."""
    sources = {
        "costrel.a": "import costrel.b",
        "costrel.b": "def f():\n    import costrel.c  # start-up",
        "costrel.c": "from costrel import a",
    }
    assert find_cycles(import_graph(sources)) == [["costrel.a", "costrel.b", "costrel.c", "costrel.a"]]
    sources["costrel.c"] = "if TYPE_CHECKING:\n    from costrel import a"
    assert find_cycles(import_graph(sources)) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = 1\n" * 11, "costrel.a: 11 lines, the budget is 10"),
        ("def f():\n" + "    x = 1\n" * 4, "costrel.a:1: f has 5 lines, the budget is 4"),
        ("class C:\n" + "    x = 1\n" * 6, "costrel.a:1: C has 7 lines, the budget is 6"),
        ("class C:\n    async def f(self):\n" + "        x = 1\n" * 4, "costrel.a:2: f has 5 lines, the budget is 4"),
    ],
)
def test_budget_check_counts_lines(source: str, problem: str) -> None:
    """What is too long is reported with its length and its budget, and passes with a reason."""
    budget = Budget(module=10, function=4, klass=6)
    assert budget_problems("costrel.a", source, budget) == [problem]


@pytest.mark.parametrize(
    "source",
    [
        "# budget: one table\n" + "x = 1\n" * 11,
        "# budget: one table\ndef f():\n" + "    x = 1\n" * 4,
        "def f():  # budget: one table\n" + "    x = 1\n" * 4,
        "# budget: one table\n@cache\ndef f():\n" + "    x = 1\n" * 4,
        "class C:  # budget: one table\n" + "    x = 1\n" * 6,
    ],
)
def test_budget_check_takes_a_reason(source: str) -> None:
    """What is too long passes where a comment says why."""
    assert budget_problems("costrel.a", source, Budget(module=10, function=4, klass=6)) == []


@pytest.mark.parametrize(
    "source",
    ["import os", '"""."""', '"""No end\n"""', '"""lower case start."""', '# A comment first.\n"""A job."""', ""],
)
def test_docstring_check_finds_what_is_no_sentence(source: str) -> None:
    """A first line that is no docstring of one sentence is reported."""
    assert len(docstring_problems("costrel.a", source)) == 1
