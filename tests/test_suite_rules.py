"""The tests keep to their own rules: a sentence and an assertion each, and no public name left out."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.support.suite import exported_names, problems_of_tests, public_names, words_in

ROOT = Path(__file__).parents[1]
TESTS = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.glob("tests/**/test_*.py"))}
EXAMPLE_TESTS = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.glob("examples/**/test_*.py"))}
PACKAGE = ROOT / "src" / "costrel"

#: Modules that only costrel itself imports; what they do shows in the tests of those above them.
INTERNAL = {
    *("asynchronous", "body", "coerce", "coroutines", "dispatch", "ending", "errors", "failures", "fields"),
    *("header_fields", "json_limits", "lazy", "overrides", "packages", "plan", "registrar", "request_form"),
    *("request_parts", "request_url", "signing", "urls", "watch"),
}
PACKAGES = {path.parent.name: path.read_text() for path in sorted(PACKAGE.rglob("__init__.py"))}
#: Packages whose modules are imported one by one, since each needs another distribution.
WITHOUT_NAMES = {"ext"}
PUBLIC = {path.stem: path.read_text() for path in sorted(PACKAGE.glob("[!_]*.py")) if path.stem not in INTERNAL}


@pytest.mark.parametrize("module", [*TESTS, *EXAMPLE_TESTS])
def test_each_test_says_and_asserts_something(module: str) -> None:
    """Every test has a docstring of one sentence and at least one assertion, and none measures a sleep."""
    assert problems_of_tests({**TESTS, **EXAMPLE_TESTS}[module]) == []


@functools.cache
def _words_of_tests() -> set[str]:
    own = "tests/test_suite_rules.py"
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.glob("tests/**/*.py"))}
    return {word for name, text in texts.items() if name != own for word in words_in(text)}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_name_is_tested(package: str) -> None:
    """Each name that ``costrel`` or a package in it exports is mentioned by a test."""
    exported = exported_names(PACKAGES[package])
    assert bool(exported) == (package not in WITHOUT_NAMES)
    assert [name for name in exported if name not in _words_of_tests()] == []


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_definition_is_tested(module: str) -> None:
    """Each public class and function of a module that programs import is mentioned by a test."""
    words = _words_of_tests()
    assert [name for name in public_names(PUBLIC[module]) if name not in words] == []


# The rest shows that the checks can fail: tests made up for it, each with what is to be found in it.

GOOD = '''
def test_sum():
    """Two and two are four."""
    assert 2 + 2 == 4

class TestSums:
    async def test_raises(self):
        """Adding text to a number raises."""
        with pytest.raises(TypeError):
            1 + "1"

def test_by_helper():
    """A helper whose name says so may assert."""
    check_sum(2, 2, 4)

def test_polls():
    """Polling until a deadline is no timing assertion."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not done():
        time.sleep(0.01)
    assert done()

def helper():
    pass
'''


def test_suite_check_lets_pass_what_is_right() -> None:
    """Tests that assert in any of the known ways are fine, and helpers are no tests."""
    assert problems_of_tests(GOOD) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def test_a():\n    assert True", "line 1: test_a has no docstring"),
        ('def test_a():\n    """No sentence"""\n    assert True', "line 1: test_a: the docstring is not one sentence"),
        ('def test_a():\n    """It runs."""\n    run()', "line 1: test_a asserts nothing"),
        ('class T:\n    def test_a(self):\n        """It runs."""', "line 2: test_a asserts nothing"),
        (
            'def test_a():\n    """It is fast."""\n    s = time()\n    sleep(1)\n    assert time() < s + 2',
            "line 1: test_a sleeps and asserts a time; wait for an event instead",
        ),
    ],
)
def test_suite_check_finds_what_is_wrong(source: str, problem: str) -> None:
    """Each made-up test breaks one rule, and exactly that is reported."""
    assert problems_of_tests(source) == [problem]


def test_name_readers_find_public_names() -> None:
    """Exports come from imports and ``__all__``, definitions from the top level, and private names from neither."""
    source = '__all__ = ["g", "App"]\nfrom a.app import App as App, _B\nfrom a import json\ndef f(): ...\nclass _C: ...'
    assert exported_names(source) == ["App", "g", "json"]
    assert public_names(source) == ["f"]
