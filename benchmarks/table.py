"""Plain text tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.cases import Case
from benchmarks.summary import Figures, geometric_mean, ratio, shared_ratios


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Line the rows up: the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0] = row[0].ljust(widths[0])
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Three digits that matter, or a dash for what does not exist.

    >>> number(0.4567), number(45.67), number(1234.5), number(None)
    ('0.46', '45.7', '1,234', '-')
    """
    if value is None:
        return "-"
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def compared(peers: Sequence[str], base: str) -> list[str]:
    """The peers that get a ratio to the base; bare WSGI is a limit, no competitor."""
    return [peer for peer in peers if peer not in (base, "bare")]


def medians_rows(cases: Sequence[Case], figures: Figures, peers: Sequence[str], base: str) -> list[list[str]]:
    """Medians in microseconds per request and ratios to the base; below those that count, their geometric means."""
    others = compared(peers, base)
    rows = [["case", *peers, *(f"{peer}/{base}" for peer in others)]]
    for case in cases:
        row = figures.get(case.name, {})
        cells = [number(row[peer].median if peer in row else None) for peer in peers]
        rows.append([case.title, *cells, *(number(ratio(row, peer, base)) for peer in others)])
    counted = {case.name: figures[case.name] for case in cases if case.counts and case.name in figures}
    if not counted:
        return rows
    shared = {peer: shared_ratios(counted, peer, base) for peer in others}
    blank = [""] * len(peers)
    rows.append(["geometric mean", *blank, *(number(geometric_mean(found.values())) for found in shared.values())])
    rows.append(["cases shared", *blank, *(str(len(found)) for found in shared.values())])
    return rows


def medians_table(cases: Sequence[Case], figures: Figures, peers: Sequence[str], base: str) -> str:
    """The same lined up, with the cases that do not count in a table of their own."""
    groups = [[case for case in cases if case.counts is counts] for counts in (True, False)]
    return "\n\n".join(columns(medians_rows(group, figures, peers, base)) for group in groups if group)


def pairs_rows(added: Mapping[str, Mapping[str, float]], peers: Sequence[str]) -> list[list[str]]:
    """What one case of a pair takes more than the other, in microseconds."""
    rows = [["microseconds", *peers]]
    for title, row in added.items():
        rows.append([title, *(number(row.get(peer)) for peer in peers)])
    return rows


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The rows as a table in Markdown: the first column to the left, the others to the right."""
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|---|" + "---:|" * (len(rows[0]) - 1), *rest])


def spread_table(cases: Sequence[Case], figures: Figures, peers: Sequence[str]) -> str:
    """The quickest and the slowest round in microseconds per request."""
    rows = [["quickest to slowest round", *peers]]
    for case in cases:
        row = figures.get(case.name, {})
        rows.append(
            [
                case.title,
                *(f"{number(row[peer].low)} to {number(row[peer].high)}" if peer in row else "-" for peer in peers),
            ]
        )
    return columns(rows)
