"""Pieces of an SVG drawing that is readable on a light and on a dark page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

#: For each kind of thing its colour on light and on dark ground; the hues stay apart for colour-blind readers too.
COLOURS: dict[str, tuple[str, str]] = {
    "ground": ("#fcfcfb", "#1a1a19"),
    "ink": ("#0b0b0b", "#ffffff"),
    "soft": ("#52514e", "#c3c2b7"),
    "grid": ("#e1e0d9", "#2c2c2a"),
    "axis": ("#c3c2b7", "#383835"),
    "quiet": ("#b9b8b0", "#5c5b57"),
    "costrel": ("#2a78d6", "#3987e5"),
    "flask": ("#eb6834", "#d95926"),
    "falcon": ("#1baf7a", "#199e70"),
    "bare": ("#898781", "#898781"),
    "as_flask": ("#4a3aa7", "#9085e9"),
}

FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


def style() -> str:
    """The style sheet: every colour has a class, and changes with the reader's preference."""

    def rules(dark: bool) -> str:
        found = []
        for name, colours in COLOURS.items():
            colour = colours[dark]
            found.append(f".f-{name}{{fill:{colour}}}.s-{name}{{stroke:{colour}}}")
        return "".join(found)

    return f"text{{font-family:{FONT}}}{rules(False)}@media (prefers-color-scheme:dark){{{rules(True)}}}"


def drawing(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    """The whole file.

    Args:
        width: in pixels.
        height: in pixels.
        title: what a screen reader says.
        parts: elements, made by the functions below.
    """
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
            f' height="{height:g}" role="img" aria-label="{escape(title, {chr(34): "&quot;"})}">',
            f"<style>{style()}</style>",
            f'<rect class="f-ground" width="{width:g}" height="{height:g}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def text(
    x: float, y: float, words: str, colour: str = "ink", size: float = 12, anchor: str = "start", bold: bool = False
) -> str:
    """Words whose baseline starts, ends or has its middle at the point."""
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}"{weight}'
    return f'<text class="f-{colour}" {place}>{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = "grid", width: float = 1, dash: str = "") -> str:
    """A straight line."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    points = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="s-{colour}" {points} stroke-width="{width:g}"{dashed}/>'


def curve(points: Sequence[tuple[float, float]], colour: str, width: float = 2, dash: str = "") -> str:
    """A line through the points, with a dot at each."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    dots = "".join(f'<circle class="f-{colour} s-ground" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points)
    return f'<polyline class="s-{colour}" fill="none" stroke-width="{width:g}"{dashed} points="{path}"/>{dots}'


def bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A bar to the right, from a straight foot to a rounded end."""
    round_by = min(3.0, width, height / 2)
    edge = width - round_by
    corner = f"a{round_by:g},{round_by:g} 0 0 1 "
    path = (
        f"M{x:.1f},{y:.1f}h{edge:.1f}{corner}{round_by:g},{round_by:g}v{height - 2 * round_by:.1f}"
        f"{corner}-{round_by:g},{round_by:g}h-{edge:.1f}z"
    )
    return f'<path class="f-{colour}" d="{path}"/>'


def steps(low: float, high: float) -> list[float]:
    """The values to mark on a logarithmic axis: whole powers of ten, and 2 and 5 times them where there are few.

    >>> steps(1, 1000)
    [1.0, 10.0, 100.0, 1000.0]
    >>> steps(3, 60)
    [2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
    """
    wide = math.log10(high / low) > 1.7
    factors = (1,) if wide else (1, 2, 5)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    marks = [factor * 10.0**power for power in powers for factor in factors]
    below = max(mark for mark in marks if mark <= low * 1.0001)
    above = min(mark for mark in marks if mark >= high * 0.9999)
    return [mark for mark in marks if below <= mark <= above]


def spread_out(places: Sequence[float], gap: float) -> list[float]:
    """Move labels apart that would lie on each other, each by as little as that takes, in the order given.

    >>> spread_out([10.0, 12.0, 40.0], 10)
    [6.0, 16.0, 40.0]
    """
    order = sorted(range(len(places)), key=lambda number: places[number])
    clusters: list[list[int]] = []
    for number in order:
        clusters.append([number])
        while len(clusters) > 1 and _top(places, clusters[-1], gap) < _top(places, clusters[-2], gap) + gap * len(
            clusters[-2]
        ):
            clusters[-2].extend(clusters.pop())
    found = [0.0] * len(places)
    for cluster in clusters:
        for rank, number in enumerate(cluster):
            found[number] = _top(places, cluster, gap) + rank * gap
    return found


def _top(places: Sequence[float], cluster: Sequence[int], gap: float) -> float:
    middle = sum(places[number] for number in cluster) / len(cluster)
    return middle - gap * (len(cluster) - 1) / 2
