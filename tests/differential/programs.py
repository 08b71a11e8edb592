"""A Hypothesis strategy for the texts of small programs, written for Flask."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from tests.differential.applications import PROLOGUE, applications
from tests.differential.registering import RULES, blueprints, handlers, hooks, receivers, routes
from tests.differential.requesting import requests


def likely_paths(program: str) -> list[str]:
    """Returns paths that match the rules of a program, or nearly."""
    paths = [path for rule, paths in RULES.items() if f"({rule!r}" in program for path in paths]
    prefixes = re.findall(r"url_prefix='(/[\w/]*)'", program)
    below = [prefix.rstrip("/") + path for prefix in prefixes for path in paths]
    return [*paths, *below, "/static/note.txt"]


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Draws the text of one program; it makes ``app`` and a list of ``requests``."""
    text = PROLOGUE + draw(applications())
    text += draw(receivers()) + draw(hooks("app")) + draw(handlers("app")) + draw(routes("app"))
    for number in range(draw(st.integers(0, 2))):
        text += draw(blueprints(f"part{number}", "app", depth=2))
    asked = draw(st.lists(requests(likely_paths(text)), min_size=3, max_size=8))
    return f"{text}requests = [\n" + "".join(f"    {request},\n" for request in asked) + "]\n"
