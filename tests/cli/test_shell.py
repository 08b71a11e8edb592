"""The command ``shell``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.command_line import hello_group, make_app


@pytest.fixture
def interact(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments of the interactive prompt, which does not start."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr("code.interact", lambda **arguments: calls.append(arguments))
    return calls


def test_shell(
    runner: CliRunner, interact: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell has the names of the startup file and of the application, whose banner it shows."""
    startup = tmp_path / "startup.py"
    startup.write_text("started = 1\nboth = 'startup'\n")
    hooks: list[int] = []
    monkeypatch.setattr(sys, "__interactivehook__", lambda: hooks.append(1), raising=False)
    app = make_app()
    app.shell_context_processor(lambda: {"thing": 2, "both": "application"})
    result = runner.invoke(hello_group(app), ["shell"], env={"PYTHONSTARTUP": str(startup)})
    assert result.exit_code == 0
    names = interact[0]["local"]
    assert (names["started"], names["thing"], names["both"], names["app"]) == (1, 2, "application", app)
    assert interact[0]["banner"].splitlines()[-2:] == ["App: shop", f"Instance: {app.instance_path}"]
    assert hooks == [1]


def test_shell_on_a_bare_platform(
    runner: CliRunner, interact: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither line editing nor a hook nor a startup file has to be there."""
    hooks: list[int] = []
    monkeypatch.setitem(sys.modules, "readline", None)
    monkeypatch.setattr(sys, "__interactivehook__", lambda: hooks.append(1), raising=False)
    assert runner.invoke(hello_group(), ["shell"], env={"PYTHONSTARTUP": "/not/there"}).exit_code == 0
    monkeypatch.delattr(sys, "__interactivehook__")
    assert runner.invoke(hello_group(), ["shell"]).exit_code == 0
    assert (len(interact), hooks) == (2, [1])
