"""Reads what the modules of a package import and finds what breaks the layers, the house rules and the budgets."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

PACKAGE = "costrel"

#: A comment of at least two words, and the words by which a docstring gives the reason for an import below it.
_COMMENT = re.compile(r"#\s*\w+\W+\w+")
_REASON = re.compile(r"\b(optional|start-?up|imports?)\b", re.IGNORECASE)
_BUDGET = re.compile(r"#\s*budget:\s*\S+", re.IGNORECASE)


@dataclass(frozen=True)
class Import:
    """One module that another one imports, and where."""

    target: str
    line: int
    for_types: bool = False
    in_function: bool = False
    explained: bool = False
    relative: bool = False


@dataclass(frozen=True)
class Budget:
    """The most lines that a module, a function and a class may have."""

    module: int = 500
    function: int = 50
    klass: int = 400


def imports_of(source: str, known: Iterable[str]) -> list[Import]:
    """Returns every import of a module's text, in the order of the lines.

    ``from costrel import signals`` is an import of ``costrel.signals`` where that is a known module, else of
    ``costrel``. A call of ``import_module("costrel.signals")`` counts as an import as well.

    :param known: the full names of the package's modules.
    """
    reader = _ImportReader(frozenset(known))
    reader.visit(ast.parse(source))
    return sorted(reader.found, key=lambda found: (found.line, found.target))


class _ImportReader(ast.NodeVisitor):
    def __init__(self, known: frozenset[str]) -> None:
        self.known = known
        self.found: list[Import] = []
        self._docstrings: list[str] = []  # of the functions around, outermost first
        self._for_types = 0

    def _add(self, target: str, node: ast.AST, relative: bool = False) -> None:
        line = getattr(node, "lineno", 0)
        explained = bool(self._docstrings and _REASON.search(self._docstrings[-1]))
        self.found.append(Import(target, line, bool(self._for_types), bool(self._docstrings), explained, relative))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            self._add(inner if inner in self.known else base, node, relative=node.level > 0)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in {"import_module", "__import__"} and node.args and isinstance(node.args[0], ast.Constant):
            self._add(str(node.args[0].value), node)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        test = node.test.attr if isinstance(node.test, ast.Attribute) else getattr(node.test, "id", "")
        for_types = test == "TYPE_CHECKING"
        self._for_types += for_types
        for statement in node.body:
            self.visit(statement)
        self._for_types -= for_types
        for statement in node.orelse:
            self.visit(statement)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._docstrings.append(ast.get_docstring(node) or "")
        self.generic_visit(node)
        self._docstrings.pop()

    visit_FunctionDef = visit_AsyncFunctionDef = _visit_function

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._docstrings.append("")
        self.generic_visit(node)
        self._docstrings.pop()


def unit_of(module: str) -> str:
    """Returns the name under which the layer table lists a module: its part below the package."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def layer_problems(module: str, source: str, table: Mapping[str, int], known: Iterable[str]) -> list[str]:
    """Returns a sentence for each import that points up, is relative, or hides in a function without a reason.

    :param table: the layer of each unit; a unit that is not in it is a problem too.
    """
    lines = source.splitlines()
    unit = unit_of(module)
    problems = []
    if unit not in table:
        return [f"{module} is not in the layer table; add it where it belongs"]
    for found in imports_of(source, known):
        where = f"{module}:{found.line}"
        if found.relative:
            problems.append(f"{where}: relative import; write the full name")
            continue
        if found.in_function and not found.for_types and not _has_reason(lines, found):
            problems.append(f"{where}: import of {found.target} inside a function without a comment that says why")
        if found.for_types or not (found.target + ".").startswith(PACKAGE + "."):
            continue
        target = unit_of(found.target)
        if target not in table:
            problems.append(f"{where}: imports {found.target}, which is not in the layer table")
        elif table[target] > table[unit]:
            problems.append(f"{where}: layer {table[unit]} imports {found.target} of layer {table[target]}")
    return problems


def _has_reason(lines: list[str], found: Import) -> bool:
    """Tells whether the reason for an import is given where a reader of it meets it.

    That is in the docstring of its function, or in a comment: on its line, right above it or its ``try``, or at
    another import above it. A comment that names the module and the start-up time or the option may also stand once
    for a whole module.
    """
    if found.explained or _COMMENT.search(lines[found.line - 1]):
        return True
    for line in reversed(lines[: found.line - 1]):
        text = line.strip()
        if _COMMENT.search(text):
            return True
        if text and not text.startswith(("#", "import ", "from ", "try:")):
            break
    name = found.target.partition(".")[0] if not found.target.startswith(PACKAGE) else found.target
    return any(_COMMENT.search(line) and _REASON.search(line) and name in line.split() for line in lines)


def find_cycles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Returns the cycles that a depth-first walk over the imports meets, each as the modules along it."""
    cycles: list[list[str]] = []
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            cycles.append([*path[path.index(module) :], module])
            return
        if module in done:
            return
        for target in sorted(graph.get(module, ())):
            walk(target, [*path, module])
        done.add(module)

    for module in sorted(graph):
        walk(module, [])
    return cycles


def import_graph(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """Returns which module of the package imports which other when it runs; imports for types do not count."""
    return {
        module: {
            found.target for found in imports_of(source, sources) if not found.for_types and found.target in sources
        }
        for module, source in sources.items()
    }


def budget_problems(module: str, source: str, budget: Budget) -> list[str]:
    """Returns a sentence for each module, function and class that is longer than its budget and does not say why.

    The reason is a comment ``# budget: reason``, on the line of the ``def`` or ``class`` or the one above; for a
    module it is on a line of its own at the margin.
    """
    lines = source.splitlines()
    problems = []
    if len(lines) > budget.module and not any(line.startswith("#") and _BUDGET.match(line) for line in lines):
        problems.append(f"{module}: {len(lines)} lines, the budget is {budget.module}")
    for node in _definitions(ast.parse(source)):
        limit = budget.klass if isinstance(node, ast.ClassDef) else budget.function
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        excused = any(_BUDGET.search(line) for line in lines[max(first - 2, 0) : node.lineno])
        if length > limit and not excused:
            problems.append(f"{module}:{node.lineno}: {node.name} has {length} lines, the budget is {limit}")
    return problems


def _definitions(tree: ast.AST) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstring_problems(module: str, source: str) -> list[str]:
    """Returns a sentence if the module's first line is not a docstring that holds one whole sentence."""
    first = source.split("\n", 1)[0]
    text = first[3:].removesuffix('"""').strip()
    if not first.startswith('"""') or not text.endswith(".") or len(text.split()) < 2 or not _starts_sentence(text):
        return [f"{module}:1: the first line is to be a docstring of one sentence: {first!r}"]
    return []


def _starts_sentence(text: str) -> bool:
    """Tells whether a text starts with a capital, a digit or a name in code marks."""
    return text[0].isupper() or text[0].isdigit() or text.startswith("``")
