"""Every input of the fuzzing corpus, and every input that once failed, is answered as it has to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from costrel.invariants import InvariantError
from fuzz import targets
from fuzz.__main__ import NAMES, main

CORPUS = Path(targets.__file__).parent / "corpus"
INPUTS = [(folder.name, path) for folder in sorted(CORPUS.iterdir()) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize(("target", "path"), INPUTS, ids=lambda value: value.name if isinstance(value, Path) else value)
def test_the_corpus_is_answered(target: str, path: Path) -> None:
    """The target comes back without an exception, which it raises where an answer is not what it has to be."""
    before = targets.CHECKER.requests
    targets.TARGETS[target](path.read_bytes())
    assert targets.CHECKER.requests > before


def test_every_target_has_a_corpus() -> None:
    """The command, the functions and the folders name the same targets."""
    assert sorted(NAMES) == sorted(targets.TARGETS) == sorted({folder for folder, _ in INPUTS})


def test_the_command_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without atheris there is one line in place of a traceback, and no folder is made."""
    monkeypatch.setattr("fuzz.__main__.FOLDER", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("sys.argv", ["fuzz", "--seconds", "1", "multipart"])
    assert main() == 1
    assert capsys.readouterr().err == "It needs atheris: pip install atheris\n"
    assert not list(tmp_path.iterdir())


def test_a_target_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view that fails for some input is found by the target that reaches it."""
    monkeypatch.setitem(targets.APP.view_functions, "query", lambda: str(1 // 0))
    with pytest.raises(InvariantError, match="the status is 500"):
        targets.query(b"a=1")
