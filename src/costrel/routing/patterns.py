"""Tests of dynamic segments: the cheapest that gives what the segment's regular expression would give."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from costrel.routing.syntax import Dynamic

#: What a test is given and what it returns: a segment, and whether it is the value; the rest of the path, and whether
#: it is the value; a segment, and its values or None; the rest of the path, and its values or None; the same, and the
#: last of the values is the slash at the end or nothing.
WHOLE, REST, GROUPS, REST_GROUPS, REST_SLASH = range(5)

Test: TypeAlias = Callable[[str], Any]

_TEXT = r"(?P<__werkzeug_{}>[^/]{{1,}})"
_PATH = r"(?P<__werkzeug_{}>[^/].*?)"

#: Tests for segments that need no regular expression.
_SIMPLE: dict[str, Test] = {
    # PERF: 0.03 µs each, where a regular expression takes 0.2. ``isdecimal`` holds for just what ``\d`` matches.
    _TEXT.format(0) + r"\Z": len,
    r"(?P<__werkzeug_0>[^/]+)\Z": len,
    r"(?P<__werkzeug_0>\d+)\Z": str.isdecimal,
}
_REST = _PATH.format(0) + r"\Z"
_is_rest = re.compile(r"[^/].*\Z").match

# Compiled at their first use, which saves 0.3 ms of start-up where no segment has several placeholders.
#: Text as ``re.escape`` writes it.
_ESCAPED = r"(?s:\\.|[^\\(])"
_PATH_PLACEHOLDER = r"\(\?P<(__werkzeug_\d+)>\[\^/\]\.\*\?\)"
_TWO_PATHS = f"{_PATH_PLACEHOLDER}({_ESCAPED}+)(?={_PATH_PLACEHOLDER})"
_TEXT_PLACEHOLDER = r"\(\?P<__werkzeug_\d+>\[\^/\]\{1,\}\)"


class Pattern:
    """A regular expression that returns the values of its placeholders, and is compiled when it is first tested.

    Compiling takes 0.2 ms; an application of thousands of rules would feel it at the start.

    Where literal text stands between two ``path`` placeholders, the first of them ends at the first place where that
    text is: whatever a later place could match, the second placeholder can take in. Saying so to the expression
    keeps the time linear in the length of the path. The one difference from werkzeug: the second value does not
    begin with a newline.
    """

    __slots__ = ("_match", "_names", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._match: Callable[[str], re.Match[str] | None] | None = None
        #: The names of the groups that are values, where the expression has others besides.
        self._names: tuple[str | int, ...] = ()

    def __call__(self, text: str) -> tuple[Any, ...] | None:
        match = self._match
        if match is None:
            match = self._compile()
        found = match(text)
        if found is None:
            return None
        if self._names:
            # Always a tuple: the first group alone would come as text.
            return found.group(*self._names, 0)[:-1]
        return found.groups()

    def _compile(self) -> Callable[[str], re.Match[str] | None]:
        pattern = re.compile(re.sub(_TWO_PATHS, r"(?=(?P<\1>[^/].*?)\2[^/])(?P=\1)\2", self.source))
        names = sorted(
            (name for name in pattern.groupindex if name.startswith("__werkzeug_")), key=lambda name: int(name[11:])
        )
        slash = self.source.endswith(r"(?<!/)(/?)\Z")
        if pattern.groups > len(names) + slash:
            self._names = (*names, pattern.groups) if slash else tuple(names)
        self._match = pattern.match
        return self._match


class Texts:
    """A segment of plain text placeholders with literal text between them: ``<a>-<b>.x``.

    The first value is as long as it can be, then the second, as with the regular expression; cutting at the literals
    from the right gives just that, in time linear in the length.
    """

    __slots__ = ("before", "separators")

    def __init__(self, literals: list[str]) -> None:
        self.before = literals[0]
        self.separators = literals[:0:-1]

    def __call__(self, text: str) -> tuple[str, ...] | None:
        if not text.startswith(self.before):
            return None
        start = len(self.before)
        end = len(text)
        values: list[str] = []
        last = self.separators[0]
        if last:
            if not text.endswith(last):
                return None
            end -= len(last)
        for separator in self.separators[1:]:
            found = text.rfind(separator, start + 1, end - 1)
            if found < 0:
                return None
            values.append(text[found + len(separator) : end])
            end = found
        if end <= start:
            return None
        values.append(text[start:end])
        return tuple(values[::-1])


def choose_test(segment: Dynamic, made: dict[str, Test]) -> tuple[Test, int]:
    """Returns the test of a dynamic segment, and its kind.

    :param made: the tests made so far, by expression; segments with the same share one.
    """
    content = segment.content
    if content in _SIMPLE:
        return _SIMPLE[content], WHOLE
    if content == _REST:
        return _is_rest, REST
    test = made.get(content)
    if test is None:
        test = made[content] = _texts(content) or Pattern(content)
    if not segment.final:
        return test, GROUPS
    return test, REST_SLASH if segment.suffixed else REST_GROUPS


def _texts(content: str) -> Texts | None:
    """Returns the test of a segment whose placeholders are all plain text, None for another."""
    literals = re.split(_TEXT_PLACEHOLDER, content[:-2])
    if not all(re.fullmatch(f"{_ESCAPED}*", literal) for literal in literals) or not all(literals[1:-1]):
        return None
    return Texts([re.sub(r"(?s)\\(.)", r"\1", literal) for literal in literals])
