"""The options before a command and their environment variables."""

from __future__ import annotations

import importlib.metadata
import platform

import click
import pytest
from click.testing import CliRunner

from costrel import cli as command_line
from costrel import environment
from costrel.cli import get_version
from costrel.cli.options import EnvironmentOption


@pytest.mark.parametrize(
    ("prefix", "variables", "expected"),
    [
        ("FLASK_RUN", {"FLASK_RUN_SPEED": "1", "COSTREL_RUN_SPEED": "2"}, "1"),
        ("FLASK_RUN", {"COSTREL_RUN_SPEED": "2"}, "2"),
        ("FLASK", {"COSTREL_SPEED": "2"}, "2"),
        ("FLASK_RUN", {"FLASK_RUN_SPEED": "", "COSTREL_RUN_SPEED": ""}, None),
        ("FLASK_RUN", {"COSTREL_SPEED": "2"}, None),
        ("FLASKED", {"COSTREL_SPEED": "2", "COSTRELED_SPEED": "2"}, None),
        ("TOOL", {"COSTREL_SPEED": "2"}, None),
        (None, {"COSTREL_SPEED": "2"}, None),
    ],
)
def test_environment_option(
    monkeypatch: pytest.MonkeyPatch, prefix: str | None, variables: dict[str, str], expected: str | None
) -> None:
    """An option looks under click's own prefix, then under the others that costrel answers to."""
    monkeypatch.setattr(environment, "prefixes", ["FLASK", "COSTREL"])
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    context = click.Context(click.Command("run"), auto_envvar_prefix=prefix)
    assert EnvironmentOption(["--speed"]).resolve_envvar_value(context) == expected


def test_version(runner: CliRunner) -> None:
    """The version option tells Python's, costrel's and Werkzeug's versions."""
    output = runner.invoke(command_line.cli, ["--version"]).output
    assert output == (
        f"Python {platform.python_version()}\n"
        f"costrel {importlib.metadata.version('costrel')}\n"
        f"Werkzeug {importlib.metadata.version('werkzeug')}\n"
    )


def test_version_is_not_shown_while_completing(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed while a shell completes a command, or without the option."""
    context = click.Context(command_line.cli, resilient_parsing=True)
    get_version(context, command_line.version_option, True)
    get_version(click.Context(command_line.cli), command_line.version_option, False)
    assert capsys.readouterr().out == ""
