"""Flask's own tests, unmodified, pass on costrel under the name of Flask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conformance.source import VERSION, Unreachable, fetch
from tests.support.server import child_environment

tomllib = pytest.importorskip("tomllib", reason="reading the list of deviations needs Python 3.11")

DEVIATIONS = Path(__file__).parent / "deviations.toml"

#: How many tests the suite has; a run with fewer has lost some.
TESTS = 490


def run_suite(source: Path, tools: Path, report: Path) -> dict[str, str]:
    """Runs the suite and returns for each test ``passed``, ``failed`` or ``skipped``."""
    plugins = ["-p", "costrel.as_flask", "-p", "no:flask", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, f"--junitxml={report}", "tests"],
        cwd=source,
        env=child_environment({"PYTHONPATH": str(tools), "PYTHONDONTWRITEBYTECODE": "1"}),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert report.exists(), done.stdout + done.stderr
    results: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {element.tag for element in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        results[f"{_file(case.get('classname', ''), source)}::{case.get('name')}"] = outcome
    return results


def _file(class_name: str, source: Path) -> str:
    """Returns the file of a test, from the dotted name in the report; a class of tests keeps its name behind it."""
    path = Path(*class_name.split("."))
    below: list[str] = []
    while not (source / path.with_suffix(".py")).exists():
        below.insert(0, path.name)
        path = path.parent
    return "::".join([path.with_suffix(".py").as_posix(), *below])


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The outcome of each test of the suite."""
    cache = getattr(request.config, "cache", None)
    folder = tmp_path_factory.mktemp("conformance") if cache is None else cache.mkdir("flask-suite")
    try:
        source, tools = fetch(folder)
    except Unreachable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"Flask's source cannot be fetched from the package index: {error}")
    return run_suite(source, tools, tmp_path_factory.mktemp("report") / "report.xml")


def test_flasks_own_suite(results: dict[str, str]) -> None:
    """Exactly the tests that the list of deviations names fail; none is skipped."""
    expected = set(tomllib.loads(DEVIATIONS.read_text()))
    failed = {test for test, outcome in results.items() if outcome == "failed"}
    assert failed - expected == set(), f"tests of Flask {VERSION} that fail here, with no reason given"
    assert expected - failed == set(), "tests that are listed as deviations, and pass: take them off the list"
    assert [test for test, outcome in results.items() if outcome == "skipped"] == []
    assert len(results) == TESTS


def test_every_deviation_has_its_reason() -> None:
    """Each entry of the list says why, and at most one test that Flask itself passes differs."""
    deviations = tomllib.loads(DEVIATIONS.read_text())
    assert all(entry["reason"].strip() for entry in deviations.values())
    assert sum(not entry.get("fails_on_flask_too") for entry in deviations.values()) <= 1
