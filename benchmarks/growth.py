"""Growth: what a request costs as something gets larger, and a chart of it."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import svg
from benchmarks.cases import FAMILIES, GROWTH, Case
from benchmarks.pipes import Peer, PeerMissing
from benchmarks.rounds import Run
from benchmarks.table import number

Found = dict[str, dict[str, dict[str, float]]]
"""For each curve, for each size, for each peer, microseconds per request; for the curve of memory, bytes."""


@dataclass(frozen=True)
class Curve:
    """Something that gets larger.

    Args:
        name: what the figures are stored under.
        title: what the chart says.
        family: the family of cases, as `benchmarks.cases.FAMILIES` names them.
        sizes: from the smallest to the largest.
        quick: how many of them the quick run takes.
        read: a request reads all of it, so the time may grow as it does; otherwise it should stay the same.
        unit: stands behind the sizes; `B` gives them kB and MB.
        memory: measures the memory that a request takes, not the time.
    """

    name: str
    title: str
    family: str
    sizes: tuple[int, ...]
    quick: int
    read: bool
    unit: str = ""
    memory: bool = False

    def shown(self, value: float) -> str:
        """A figure as the table has it."""
        return number(value / 1e6) if self.memory else number(value)

    def marked(self, value: float) -> str:
        """A figure as the axis has it."""
        return sized(value, "B") if self.memory else timed(value)


BODIES = (1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)

CURVES = (
    Curve("routes", "Routes in the app", "deep", (10, 100, 1000, 10_000, 100_000), 3, read=False),
    Curve("blueprints", "Blueprints in the app", "blueprints", (1, 10, 100, 1000), 3, read=False),
    Curve("hooks", "Hooks before, and as many after", "hooks", (1, 3, 10, 30, 100), 4, read=True),
    Curve("cookies", "Cookies", "cookies", (10, 30, 100, 300, 1000), 3, read=True),
    Curve("fields", "Query fields", "fields", (10, 30, 100, 300, 1000), 3, read=True),
    Curve("rows", "Rows in a template", "rows", (10, 100, 1000, 10_000), 3, read=True),
    Curve("body", "Size of an uploaded file", "body", BODIES, 4, read=True, unit="B"),
    Curve("memory", "Memory for an uploaded file", "body", BODIES, 4, read=False, unit="B", memory=True),
)

#: The most routes that a peer can be given in a bearable time.
MOST_ROUTES = {"flask": 10_000, "as_flask": 10_000, "falcon": 10_000}


def measure(
    peers: Sequence[str], rounds: int, seconds: float, quick: bool, report: Callable[[str], None]
) -> tuple[Found, dict[str, str]]:
    """Measure every curve.

    Args:
        peers: who takes part; those that have no program for it are left out.
        rounds: samples of each size and peer.
        seconds: CPU time of one sample.
        quick: leave the largest sizes out.
        report: takes lines about the progress.

    Returns:
        The figures, and what describes each peer.
    """
    found: Found = {}
    descriptions: dict[str, str] = {}
    for curve in CURVES:
        found[curve.name] = {}
        for size in curve.sizes[: curve.quick] if quick else curve.sizes:
            names = [peer for peer in peers if peer in GROWTH and fits(curve, size, peer)]
            case = FAMILIES[curve.family](size)
            if curve.memory:
                report(f"memory: {case.name}")
                found[curve.name][str(size)] = memory(case, names)
                continue
            run = Run([case], names, [], rounds, seconds, report)
            figures = run.go().get(case.name, {})
            descriptions.update(run.descriptions)
            found[curve.name][str(size)] = {peer: figure.median for peer, figure in figures.items()}
    return found, descriptions


def memory(case: Case, peers: Sequence[str]) -> dict[str, float]:
    """Bytes by which a process of each peer grows at most for one request; a page of memory is the least.

    A small request before it loads what the first one of a process loads.
    """
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in peers:
            with Peer(name, case.program, Path(folder)) as peer:
                try:
                    peer.ready()
                except PeerMissing:
                    continue
                peer.sample("body-1000", 1)
                grown = peer.memory(case.name)
            if grown is not None:
                found[name] = max(float(grown), 4096.0)
    return found


def fits(curve: Curve, size: int, peer: str) -> bool:
    """Whether a peer can be given that size in a bearable time."""
    return curve.name != "routes" or size <= MOST_ROUTES.get(peer, size)


def growth_rows(curve: Curve, found: dict[str, dict[str, float]], peers: Sequence[str]) -> list[list[str]]:
    """One row for each size; below them, how many times the time of the first one the last one takes."""
    names = [peer for peer in peers if any(peer in row for row in found.values())]
    rows = [[f"{curve.title}, MB" if curve.memory else curve.title, *names]]
    for size, row in found.items():
        rows.append([sized(int(size), curve.unit), *(curve.shown(row[name]) if name in row else "-" for name in names)])
    first, last = min(found, key=int), max(found, key=int)
    grown = f"{int(last) // int(first):,} times as much takes"
    rows.append([grown, *(_times(found[first].get(name), found[last].get(name)) for name in names)])
    return rows


def _times(first: float | None, last: float | None) -> str:
    return f"{number(last / first)} times" if first and last else "-"


def sized(size: float, unit: str) -> str:
    """A size as the axis shows it.

    >>> sized(1000, "B"), sized(100_000_000, "B"), sized(10_000, "")
    ('1 kB', '100 MB', '10,000')
    """
    if unit == "B":
        return f"{size / 1e6:g} MB" if size >= 1e6 else f"{size / 1e3:g} kB"
    return f"{size:,.0f}"


def timed(microseconds: float) -> str:
    """A time as the axis shows it.

    >>> timed(0.5), timed(20), timed(10_000), timed(2_000_000)
    ('0.5 µs', '20 µs', '10 ms', '2 s')
    """
    if microseconds >= 1e6:
        return f"{microseconds / 1e6:g} s"
    return f"{microseconds / 1e3:g} ms" if microseconds >= 1e3 else f"{microseconds:g} µs"


# ------------------------------------------------------------------------------------------------- the chart

ACROSS = 2
PANEL_WIDTH, PANEL_HEIGHT = 400, 262
LEFT, RIGHT, TOP, BOTTOM = 62, 78, 52, 34
HEAD = 92
NAMES = {
    "bare": "plain WSGI",
    "falcon": "Falcon",
    "flask": "Flask",
    "costrel": "costrel",
    "as_flask": "costrel as flask",
}


def growth_chart(found: Found, peers: Sequence[str]) -> str:
    """All curves as an SVG drawing with logarithmic axes."""
    curves = [curve for curve in CURVES if any(found.get(curve.name, {}).values())]
    peers = [peer for peer in peers if any(peer in row for sizes in found.values() for row in sizes.values())]
    down = math.ceil(len(curves) / ACROSS)
    width, height = ACROSS * PANEL_WIDTH + 20, HEAD + down * PANEL_HEIGHT + 14
    title = "What a request costs as things get larger"
    about = "CPU time per request, without server and network; memory at the end. All axes are logarithmic."
    parts = [
        svg.text(20, 32, title, size=20, bold=True),
        svg.text(20, 54, about, "soft", 13),
    ]
    at = 20.0
    for peer in peers:
        parts.append(svg.curve([(at, 74), (at + 26, 74)], peer, dash="5 3" if peer == "bare" else ""))
        parts.append(svg.text(at + 34, 78, NAMES[peer], "soft", 13))
        at += 62 + 8 * len(NAMES[peer])
    parts += [
        svg.line(at, 74, at + 26, 74, "soft", 1.6, "2 3"),
        svg.text(at + 34, 78, "ten times for ten times as much", "soft", 13),
    ]
    for place, curve in enumerate(curves):
        row, column = divmod(place, ACROSS)
        parts += _panel(10 + column * PANEL_WIDTH, HEAD + row * PANEL_HEIGHT, curve, found[curve.name], peers)
    return svg.drawing(width, height, title, parts)


def _panel(x: float, y: float, curve: Curve, found: dict[str, dict[str, float]], peers: Sequence[str]) -> list[str]:
    sizes = sorted(map(int, found))
    times = [time for row in found.values() for time in row.values() if time]
    marks = svg.steps(min(times), max(times))
    if len(marks) == 1:
        marks = [marks[0] / 10, marks[0]]
    plot = Plot(x + LEFT, y + TOP, x + PANEL_WIDTH - RIGHT, y + PANEL_HEIGHT - BOTTOM, sizes, marks)
    flat = "should stay flat from 1 MB on" if curve.memory else "should stay flat"
    wish = "should not be steeper than the dotted line" if curve.read else flat
    parts = [svg.text(x + 10, y + 18, curve.title, size=14, bold=True), svg.text(x + 10, y + 35, wish, "soft", 11.5)]
    for mark in marks:
        parts.append(svg.line(plot.left, plot.y(mark), plot.right, plot.y(mark)))
        parts.append(svg.text(plot.left - 7, plot.y(mark) + 4, curve.marked(mark), "soft", 11, "end"))
    parts.append(svg.line(plot.left, plot.bottom, plot.right, plot.bottom, "axis"))
    for size in sizes:
        parts.append(svg.line(plot.x(size), plot.bottom, plot.x(size), plot.bottom + 4, "axis"))
        parts.append(svg.text(plot.x(size), plot.bottom + 18, sized(size, curve.unit), "soft", 11, "middle"))
    if curve.read and found[str(sizes[-1])].get("costrel"):
        parts.append(plot.guide(found[str(sizes[-1])]["costrel"]))
    ends = []
    for peer in peers:
        points = [(plot.x(size), plot.y(found[str(size)][peer])) for size in sizes if found[str(size)].get(peer)]
        if points:
            parts.append(svg.curve(points, peer, 2.5 if peer == "costrel" else 2, "5 3" if peer == "bare" else ""))
            ends.append((peer, *points[-1]))
    for (peer, end, _), level in zip(ends, svg.spread_out([place for _, _, place in ends], 13), strict=True):
        parts.append(svg.text(end + 8, level + 4, NAMES[peer], "ink" if peer == "costrel" else "soft", 11))
    return parts


@dataclass(frozen=True)
class Plot:
    """Where sizes and times lie in a panel."""

    left: float
    top: float
    right: float
    bottom: float
    sizes: Sequence[int]
    marks: Sequence[float]

    def x(self, size: float) -> float:
        """From the left edge, by the logarithm of the size."""
        first, last = math.log(self.sizes[0]), math.log(self.sizes[-1])
        return self.left + (self.right - self.left) * (math.log(size) - first) / ((last - first) or 1)

    def y(self, time: float) -> float:
        """From the lower edge, by the logarithm of the time."""
        low, high = math.log(self.marks[0]), math.log(self.marks[-1])
        return self.bottom - (self.bottom - self.top) * (math.log(time) - low) / (high - low)

    def guide(self, time: float) -> str:
        """A dotted line that ends at that time at the right edge, and falls with the size."""
        last = self.sizes[-1]
        start = max(self.sizes[0], last * self.marks[0] / time)
        return svg.line(self.x(start), self.y(time * start / last), self.x(last), self.y(time), "soft", 1.6, "2 3")
