"""``importlib.metadata`` knows a distribution Flask, of the version whose API costrel has."""

from __future__ import annotations

from tests.as_flask.programs import result_of


def test_version() -> None:
    """The version is there under every spelling, in the list of all, and without entry points of its own."""
    source = """
import warnings
from importlib.metadata import PackageNotFoundError, distribution, distributions, entry_points, version
import costrel.as_flask, flask
found = distribution("flask")
names = [(d.metadata["Name"], d.version) for d in distributions() if d.metadata["Name"] == "Flask"]
result = [version("flask"), version("Flask"), found.metadata["Name"], found.files, list(found.entry_points), names[:1]]
result += [version("costrel") == version("costrel"), len(list(entry_points())) > 0, costrel.as_flask.VERSION]
try:
    version("flask-invented")
except PackageNotFoundError:
    result.append("PackageNotFoundError")
try:
    found.locate_file("x")
except FileNotFoundError as error:
    result.append("another name of costrel" in str(error))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    result += [flask.__version__, caught[0].category.__name__, caught[0].filename]
"""
    expected = ["3.1.3", "3.1.3", "Flask", None, [], [["Flask", "3.1.3"]], True, True, "3.1.3", "PackageNotFoundError"]
    assert result_of(source) == [*expected, True, "3.1.3", "DeprecationWarning", "<string>"]
