"""Reads test modules and finds the tests that break the rules of the suite."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_CHECKS = ("assert", "check_")
_CLOCKS = {"time", "monotonic", "perf_counter", "process_time"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def tests_in(source: str) -> Iterator[Function]:
    """Yields the test functions of a module, also those in test classes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def problems_of_tests(source: str) -> list[str]:
    """Returns a sentence for each test without a docstring sentence or an assertion, and for each sleep-timed one."""
    problems = []
    for test in tests_in(source):
        sentence = (ast.get_docstring(test) or "").strip()
        where = f"line {test.lineno}: {test.name}"
        if not sentence:
            problems.append(f"{where} has no docstring")
        elif not sentence.endswith("."):
            problems.append(f"{where}: the docstring is not one sentence")
        if not any(_is_check(node) for node in ast.walk(test)):
            problems.append(f"{where} asserts nothing")
        if _asserts_after_sleep(test):
            problems.append(f"{where} sleeps and asserts a time; wait for an event instead")
    return problems


def _called_name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_check(node: ast.AST) -> bool:
    """Tells whether a node is an assert, or calls ``pytest.raises`` or a helper named like ``assert_``/``check_``."""
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = _called_name(node).lstrip("_")
    return name in {"raises", "warns", "fail", "deprecated_call"} or name.startswith(_CHECKS)


def _asserts_after_sleep(test: Function) -> bool:
    """Tells whether a test outside a loop sleeps, reads a clock, and asserts about it."""
    calls = [_called_name(node) for node in ast.walk(test) if isinstance(node, ast.Call)]
    polled = {
        id(call)
        for loop in ast.walk(test)
        if isinstance(loop, ast.While | ast.For)
        for call in ast.walk(loop)
        if isinstance(call, ast.Call)
    }
    sleeps = any(
        isinstance(node, ast.Call) and _called_name(node) == "sleep" and id(node) not in polled
        for node in ast.walk(test)
    )
    return sleeps and any(name in _CLOCKS for name in calls)


def public_names(source: str) -> list[str]:
    """Returns the public classes and functions that a module defines at its top level, protocols for types aside."""
    return [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and "Protocol" not in ast.unparse(node).split("\n", 1)[0]
    ]


def exported_names(source: str) -> list[str]:
    """Returns the public names that a package's ``__init__`` imports, defines, or lists in ``__all__``."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets):
            names.update(str(value) for value in ast.literal_eval(node.value))
    return sorted(name for name in names if not name.startswith("_"))


def words_in(source: str) -> set[str]:
    """Returns every identifier-like word of a text, so that a name can be looked for in many texts at once."""
    return set(re.findall(r"[A-Za-z_]\w*", source))
