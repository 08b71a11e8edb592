"""Environment variables: their prefixes, and what counts as on and off."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from costrel import environment


@pytest.fixture(autouse=True)
def _prefixes() -> Iterator[None]:
    """Puts the list of prefixes back."""
    before = list(environment.prefixes)
    yield
    environment.prefixes[:] = before


def test_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable is read under costrel's prefix; one that is unset is None, an empty one is empty."""
    monkeypatch.setenv("COSTREL_GREETING", "hello")
    monkeypatch.setenv("COSTREL_NOTHING", "")
    assert environment.variable("GREETING") == "hello"
    assert environment.variable("NOTHING") == ""
    assert environment.variable("UNSET") is None


def test_first_prefix_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two prefixes answer, the first in the list does; where only the second is set, that one."""
    environment.prefixes.insert(0, "OTHER")
    monkeypatch.setenv("COSTREL_COLOUR", "red")
    monkeypatch.setenv("COSTREL_SHAPE", "round")
    monkeypatch.setenv("OTHER_COLOUR", "blue")
    assert environment.variable("COLOUR") == "blue"
    assert environment.variable("SHAPE") == "round"


def test_set_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable is set under the prefix that is looked up first, and so the others no longer count."""
    monkeypatch.setenv("COSTREL_COLOUR", "red")
    monkeypatch.delenv("OTHER_COLOUR", raising=False)
    environment.prefixes.insert(0, "OTHER")
    environment.set_variable("COLOUR", "green")
    assert (os.environ["COSTREL_COLOUR"], os.environ["OTHER_COLOUR"]) == ("red", "green")
    assert environment.variable("COLOUR") == "green"


@pytest.mark.parametrize(
    ("value", "debug"),
    [
        (None, False),
        ("", False),
        ("0", False),
        ("false", False),
        ("False", False),
        ("no", False),
        ("NO", False),
        ("1", True),
        ("true", True),
        ("yes", True),
        ("anything", True),
    ],
)
def test_debug_flag(monkeypatch: pytest.MonkeyPatch, value: str | None, debug: bool) -> None:
    """Debug mode is on for any value but an empty one and the words for no."""
    if value is not None:
        monkeypatch.setenv("COSTREL_DEBUG", value)
    assert environment.get_debug_flag() is debug


@pytest.mark.parametrize(
    ("value", "default", "load"),
    [
        (None, True, True),
        (None, False, False),
        ("", True, True),
        ("0", True, True),
        ("no", False, True),
        ("False", True, True),
        ("1", True, False),
        ("true", False, False),
    ],
)
def test_load_dotenv(monkeypatch: pytest.MonkeyPatch, value: str | None, default: bool, load: bool) -> None:
    """``.env`` files are read unless the variable that skips them has a true value; unset leaves the default."""
    if value is not None:
        monkeypatch.setenv("COSTREL_SKIP_DOTENV", value)
    assert environment.get_load_dotenv(default) is load
