"""costrel under the name of Flask as a peer: the program that the real Flask runs, unchanged, with Flask's defaults."""

from __future__ import annotations

from costrel import as_flask  # isort: skip

# Below it: what is imported here as `flask` is costrel, in this process.
import flask

from benchmarks.peers import with_costrel, with_flask

matcher = with_costrel.matcher
build = with_flask.build


def describe() -> str:
    """costrel's version, and that of Flask whose API it offers here."""
    return f"Flask {as_flask.VERSION}, as which {with_costrel.describe()} answers: {flask.Flask.__module__}"
