"""A bar chart of a run, for the README."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import svg
from benchmarks.cases import case_named
from benchmarks.table import number

#: The cases that the chart shows where the run has them: one for each kind of work.
SHOWN = (
    "hello",
    "json",
    "deep-1000",
    "query",
    "form",
    "json-body",
    "upload",
    "session-write",
    "template",
    "url-for",
    "error-handler",
    "static-304",
)

NAMES = {
    "costrel": "costrel",
    "as_flask": "as flask",
    "flask": "Flask",
    "falcon": "Falcon",
    "bottle": "Bottle",
    "django": "Django",
    "pyramid": "Pyramid",
    "bare": "plain WSGI",
}

ACROSS = 3
PANEL_WIDTH = 320
BAR, GAP = 13, 6
LABEL, VALUE = 72, 58
HEAD = 84


def run_chart(figures: Mapping[str, Mapping[str, Mapping[str, float]]], means: Mapping[str, float | None]) -> str:
    """The medians of a run as small bar charts, each with a scale of its own.

    Args:
        figures: for each case, for each peer, `median`; as the run's JSON has them under `cases`.
        means: for each peer, how many times costrel's time it takes; as the JSON has them under `geometric_means`.
    """
    cases = [name for name in SHOWN if name in figures] or list(figures)
    peers = [peer for peer in NAMES if peer != "as_flask" and any(peer in figures[case] for case in cases)]
    tall = 34 + len(peers) * (BAR + GAP) + 18
    width, height = ACROSS * PANEL_WIDTH + 20, HEAD + math.ceil(len(cases) / ACROSS) * tall + 10
    title = "Framework time per request"
    parts = [
        svg.text(20, 32, title, size=20, bold=True),
        svg.text(20, 54, "Microseconds of CPU, without server and network; shorter is better.", "soft", 13),
        svg.text(20, 73, _means(means), "soft", 13),
    ]
    for place, case in enumerate(cases):
        row, column = divmod(place, ACROSS)
        parts += _panel(10 + column * PANEL_WIDTH, HEAD + row * tall, case, figures[case], peers)
    return svg.drawing(width, height, title, parts)


def _means(means: Mapping[str, float | None]) -> str:
    found = {peer: mean for peer, mean in means.items() if mean and peer not in ("as_flask", "bare")}
    if not found:
        return ""
    ordered = sorted(found, key=lambda peer: found[peer])
    times = ", ".join(f"{NAMES[peer]} {number(found[peer])}" for peer in ordered)
    return f"Times costrel's, geometric mean of all shared cases: {times}."


def _panel(x: float, y: float, case: str, row: Mapping[str, Mapping[str, Any]], peers: Sequence[str]) -> list[str]:
    longest = max(found["median"] for found in row.values())
    room = PANEL_WIDTH - LABEL - VALUE - 24
    parts = [svg.text(x + 10, y + 20, case_named(case).title, size=14, bold=True)]
    for place, peer in enumerate(peers):
        top = y + 34 + place * (BAR + GAP)
        ours = peer == "costrel"
        name = svg.text(x + 4 + LABEL, top + BAR - 2, NAMES[peer], "ink" if ours else "soft", 12, "end", ours)
        parts.append(name)
        if peer not in row:
            parts.append(svg.text(x + 12 + LABEL, top + BAR - 2, "has no such thing", "soft", 11))
            continue
        median = row[peer]["median"]
        long = max(room * median / longest, 1.5)
        parts.append(svg.bar(x + 10 + LABEL, top, long, BAR, "costrel" if ours else "quiet"))
        words = number(median)
        parts.append(svg.text(x + 16 + LABEL + long, top + BAR - 2, words, "ink" if ours else "soft", 12, bold=ours))
    return parts
