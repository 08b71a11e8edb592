"""Writes what was measured into docs/performance.md and the README, so that no figure there is copied by hand.

The pages have blocks between `<!-- figures: NAME -->` and `<!-- end -->`, one for each of their `BLOCKS`. The figures
are kept as JSON beside this module, so that one part can be measured again without the others.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import served, startup
from benchmarks.bars import NAMES, SHOWN, run_chart
from benchmarks.cases import CASES, PEERS
from benchmarks.growth import CURVES, growth_chart, growth_rows
from benchmarks.pipes import ROOT
from benchmarks.summary import Figure
from benchmarks.table import markdown, medians_rows, number, pairs_rows

PARTS = ("run", "startup", "growth", "served")
PAGE = ROOT / "docs" / "performance.md"
README = ROOT / "README.md"
FIGURES = Path(__file__).parent / "figures"
CHARTS = {"run": FIGURES / "run.svg", "growth": FIGURES / "growth.svg"}

Kept = Mapping[str, Mapping[str, Any]]
"""For each part, what its command measured."""


class NoBlock(Exception):
    """The page has no place for a table."""


def keep(part: str, figures: Mapping[str, Any]) -> None:
    """Store what was measured."""
    FIGURES.mkdir(exist_ok=True)
    (FIGURES / f"{part}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def kept() -> dict[str, Any]:
    """What was measured last, of each part that was measured at all."""
    files = {part: FIGURES / f"{part}.json" for part in PARTS}
    return {part: json.loads(file.read_text(encoding="utf-8")) for part, file in files.items() if file.exists()}


def write() -> None:
    """Write all tables and charts whose figures there are.

    Raises:
        NoBlock: a page has no block for one of the tables.
    """
    found = kept()
    for page, blocks in ((PAGE, BLOCKS), (README, README_BLOCKS)):
        text = page.read_text(encoding="utf-8")
        for name, (part, block) in blocks.items():
            if part in found:
                text = filled(text, name, block(found[part]))
        page.write_text(text, encoding="utf-8")
    if "run" in found:
        chart = run_chart(found["run"]["cases"], found["run"]["geometric_means"])
        CHARTS["run"].write_text(chart, encoding="utf-8")
    if "growth" in found:
        chart = growth_chart(found["growth"]["curves"], list(found["growth"]["peers"]))
        CHARTS["growth"].write_text(chart, encoding="utf-8")


def filled(text: str, name: str, block: str) -> str:
    """The page with a block's content put in place of what was there.

    Raises:
        NoBlock: there is no such block.
    """
    pattern = rf"(<!-- figures: {re.escape(name)} -->\n).*?(<!-- end -->)"
    whole, count = re.subn(pattern, lambda found: f"{found[1]}\n{block}\n\n{found[2]}", text, flags=re.DOTALL)
    if not count:
        raise NoBlock(f"There is no line `<!-- figures: {name} -->` with an `<!-- end -->` below it.")
    return whole


def _figures(found: Mapping[str, Any]) -> dict[str, dict[str, Figure]]:
    return {case: {peer: Figure(**row) for peer, row in peers.items()} for case, peers in found["cases"].items()}


def _peers(found: Mapping[str, Any]) -> list[str]:
    return [peer for peer in PEERS if peer in found["peers"]]


def versions(found: Mapping[str, Any]) -> str:
    """What was measured, and on what."""
    lines = [f"- {found['peers'][peer]}" for peer in _peers(found)]
    on, rounds = found["machine"], found["rounds"]
    lines.append(f"- {on['python']} on {on['system']}, {on['processor']}; median of {rounds} rounds")
    apart = [one.high / one.low for row in _figures(found).values() for one in row.values() if one.low]
    quiet = "quiet" if statistics.median(apart) < 1.2 else "busy"
    return "\n".join(lines) + (
        f"\n\nThe machine was {quiet}: in half of all cases the slowest round took more than"
        f" {statistics.median(apart):.2f} times the quickest."
    )


def run_block(counts: bool) -> Callable[[Mapping[str, Any]], str]:
    """The table of the cases that count, or that of the others."""

    def block(found: Mapping[str, Any]) -> str:
        cases = [case for case in CASES if case.counts is counts and case.name in found["cases"]]
        return markdown(medians_rows(cases, _figures(found), _peers(found), found["base"]))

    return block


def losses_block(found: Mapping[str, Any]) -> str:
    """The cases in which a peer takes less time than costrel, each with the share that it takes."""
    titles = {case.name: case.title for case in CASES if case.counts}
    lines = []
    for peer in _peers(found):
        ratios = found["ratios"].get(peer, {})
        lost = sorted((ratio, titles[case]) for case, ratio in ratios.items() if case in titles and ratio < 1)
        if lost and peer != "as_flask":
            lines.append(f"- {NAMES[peer]}: {'; '.join(f'{title} ({number(ratio)})' for ratio, title in lost)}")
    return "\n".join(lines) or "Nowhere in this run."


def short_block(found: Mapping[str, Any]) -> str:
    """One case for each kind of work, then what all cases together come to."""
    cases = [case for case in CASES if case.name in SHOWN and case.name in found["cases"]]
    peers = [peer for peer in _peers(found) if peer not in ("pyramid", "as_flask")]
    figures = _figures(found)
    rows = [["case", *(NAMES[peer] for peer in peers)]]
    for case in cases:
        row = figures[case.name]
        rows.append([case.title, *(number(row[peer].median) if peer in row else "-" for peer in peers)])
    means = [
        f"{NAMES[peer]} {number(mean)}" for peer, mean in found["geometric_means"].items() if peer in peers and mean
    ]
    return (
        f"{markdown(rows)}\n\nHow many times costrel's time each takes, geometric mean of all cases that it shares:"
        f" {', '.join(means)}.\n\nThe cases that another framework wins, and the share of costrel's time that it takes:"
        f"\n\n{losses_block(found)}"
    )


def pairs_block(found: Mapping[str, Any]) -> str:
    """What is added to the libraries."""
    return markdown(pairs_rows(found["added"], _peers(found)))


def growth_block(found: Mapping[str, Any]) -> str:
    """A table for each curve."""
    peers = list(found["peers"])
    return "\n\n".join(markdown(growth_rows(curve, found["curves"][curve.name], peers)) for curve in CURVES)


def imports_block(found: Mapping[str, Any]) -> str:
    """The import times."""
    return markdown(startup.imports_rows(found["imports"]))


def apps_block(found: Mapping[str, Any]) -> str:
    """The memory and the first answers."""
    return markdown(startup.apps_rows(found["hello"], found["building"], PEERS))


def served_block(found: Mapping[str, Any]) -> str:
    """A table for each server."""
    return "\n\n".join(f"{name}:\n\n{markdown(served.rates_rows(rates))}" for name, rates in found["rates"].items())


BLOCKS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "versions": ("run", versions),
    "run": ("run", run_block(True)),
    "compared": ("run", run_block(False)),
    "added": ("run", pairs_block),
    "losses": ("run", losses_block),
    "growth": ("growth", growth_block),
    "imports": ("startup", imports_block),
    "apps": ("startup", apps_block),
    "served": ("served", served_block),
}

README_BLOCKS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {"short": ("run", short_block)}
