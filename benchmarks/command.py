"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import document, growth, guards, scaling, served, startup
from benchmarks.bars import run_chart
from benchmarks.cases import ASGI_PEERS, CASES, GROWTH, PEERS, Case
from benchmarks.gate import Gate, NoBase, source_of
from benchmarks.pipes import ROOT, PeerFailed, PeerMissing
from benchmarks.rounds import AnswersDiffer, Run
from benchmarks.summary import Figures, geometric_mean, shared_ratios
from benchmarks.table import columns, compared, medians_table, number, pairs_rows, spread_table

REQUIRED = ("flask", "costrel")


def parser() -> argparse.ArgumentParser:
    """The options."""
    names = [case.name for case in CASES]
    options = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Framework time per request, measured without a socket."
    )
    options.add_argument(
        "what",
        nargs="?",
        choices=("run", "startup", "scaling", "growth", "served", "guards", "gate", "document"),
        default="run",
        help="run: all cases (default); startup: import times, memory, building 1,000 routes;"
        " scaling: the router against the number of routes; growth: cost against the size of everything;"
        " served: requests per second behind real servers;"
        " guards: what the guards of a native application add to a request;"
        " document: run, startup, growth and served, and write their tables into docs/performance.md;"
        " gate: fails where a case has become more than 10 %% slower since a commit",
    )
    options.add_argument("--case", action="append", choices=names, metavar="NAME", help="only this case; repeatable")
    options.add_argument("--peer", action="append", choices=PEERS + ASGI_PEERS, help="only this peer; repeatable")
    options.add_argument(
        "--rounds",
        type=_positive,
        help="samples of each peer and case (21; startup 15; scaling 9; growth 5; guards 60)",
    )
    options.add_argument("--quick", action="store_true", help="fewer and shorter samples, without the largest sizes")
    options.add_argument("--check", action="store_true", help="only check that all peers answer the same")
    options.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file too")
    options.add_argument("--server", metavar="NAME", default="", help="served: only servers with this in their name")
    options.add_argument("--svg", type=Path, metavar="FILE", help="run, growth: draw a chart of the figures")
    options.add_argument(
        "--only",
        action="append",
        choices=document.PARTS,
        help="document: measure only this part, and take the others as they were; repeatable",
    )
    options.add_argument(
        "--base",
        default="HEAD^",
        metavar="COMMIT",
        help="what the gate compares with: a commit (HEAD^), or a folder with the package",
    )
    options.add_argument("--list", action="store_true", help="list the cases")
    return options


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks.

    Args:
        arguments: the command line without the program's name; that of this process by default.

    Returns:
        The exit status: 0, or 1 when a required peer is missing, a peer fails, answers differ, or the gate is shut.
    """
    options = parser().parse_args(arguments)
    if options.list:
        for case in CASES:
            print(f"{case.name:14} {case.title:30} {', '.join(case.peers)}")
        return 0
    # Peers chosen by hand are meant: nothing is required then.
    peers = [peer for peer in PEERS + ASGI_PEERS if options.peer is None or peer in options.peer]
    try:
        result = COMMANDS[options.what](options, peers)
    except (PeerMissing, PeerFailed, AnswersDiffer, NoBase, served.CannotServe, document.NoBlock) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": machine(), **result}, indent=1) + "\n", encoding="utf-8")
    return int(bool(result.get("slower")))


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.system(),
        "processor": platform.machine(),
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _run(options: argparse.Namespace, peers: list[str]) -> dict[str, Any]:
    peers = [peer for peer in peers if peer in PEERS]
    cases = chosen(options)
    rounds = 0 if options.check else options.rounds or (5 if options.quick else 21)
    required = REQUIRED if options.peer is None else tuple(peers)
    run = Run(cases, peers, required, rounds, 0.006 if options.quick else 0.02, _say)
    figures = run.go()
    present = [peer for peer in peers if peer in run.descriptions]
    for peer in present:
        print(run.descriptions[peer])
    for peer, why in run.missing.items():
        print(f"{peer} is left out: {why}")
    if not rounds:
        print(f"{len(cases)} cases, the same answers from {', '.join(present)}.")
        return {"checked": [case.name for case in cases]}
    base = next((peer for peer in ("costrel", "flask") if peer in present), present[0])
    print(f"\nMicroseconds of CPU per request, median of {rounds} rounds; smaller is better.\n")
    print(medians_table(cases, figures, present, base))
    print()
    pairs = run.added()
    if pairs:
        print(columns(pairs_rows(pairs, present)), end="\n\n")
    print(spread_table(cases, figures, present))
    result = _as_json(cases, figures, present, base, run)
    if options.svg is not None:
        options.svg.write_text(run_chart(result["cases"], result["geometric_means"]), encoding="utf-8")
    return result


def chosen(options: argparse.Namespace) -> list[Case]:
    """The cases that the options ask for, without those that need what is not installed."""
    cases = [case for case in CASES if (case.name in options.case if options.case else case.quick or not options.quick)]
    for case in cases:
        if not case.possible():
            _say(f"{case.name} is left out: {case.needs} is not installed")
    return [case for case in cases if case.possible()]


def _as_json(cases: list[Case], figures: Figures, peers: list[str], base: str, run: Run) -> dict[str, Any]:
    counted = {case.name for case in cases if case.counts}
    ratios = {peer: shared_ratios(figures, peer, base) for peer in compared(peers, base)}
    return {
        "peers": run.descriptions,
        "missing": run.missing,
        "rounds": run.rounds,
        "unit": "microseconds of CPU per request",
        "cases": {
            case.name: {
                peer: {"median": found.median, "low": found.low, "high": found.high}
                for peer, found in figures[case.name].items()
            }
            for case in cases
        },
        "base": base,
        "ratios": ratios,
        "geometric_means": {
            peer: geometric_mean(ratio for case, ratio in found.items() if case in counted)
            for peer, found in ratios.items()
        },
        "added": run.added(),
    }


def _startup(options: argparse.Namespace, peers: list[str]) -> dict[str, Any]:
    peers = [peer for peer in peers if peer in PEERS]
    rounds = options.rounds or (5 if options.quick else 15)
    imports = startup.imports(rounds, _say)
    hello = startup.hello(peers, rounds, _say)
    building = startup.building(peers, min(rounds, 3))
    print(f"Each in its own process, median of {rounds}; of the 1,000 routes, of {min(rounds, 3)}.\n")
    print(columns(startup.imports_rows(imports)), end="\n\n")
    print(columns(startup.apps_rows(hello, building, peers)))
    return {"rounds": rounds, "imports": imports, "hello": hello, "building": building}


def _growth(options: argparse.Namespace, peers: list[str]) -> dict[str, Any]:
    # Under Flask's name it is the same code: a further line would hide costrel's.
    peers = [peer for peer in peers if peer in GROWTH and (options.peer or peer != "as_flask")]
    rounds = options.rounds or (3 if options.quick else 5)
    seconds = 0.006 if options.quick else 0.02
    found, descriptions = growth.measure(peers, rounds, seconds, options.quick, _say)
    print(f"Microseconds of CPU per request, median of {rounds} rounds; smaller is better.\n")
    for curve in growth.CURVES:
        print(columns(growth.growth_rows(curve, found[curve.name], peers)), end="\n\n")
    if options.svg is not None:
        options.svg.write_text(growth.growth_chart(found, peers), encoding="utf-8")
    return {"rounds": rounds, "peers": descriptions, "curves": found}


def _scaling(options: argparse.Namespace, peers: list[str]) -> dict[str, Any]:
    peers = [peer for peer in peers if peer in PEERS]
    rounds = options.rounds or (3 if options.quick else 9)
    requests = scaling.requests(peers, rounds, 0.006 if options.quick else 0.02, _say)
    print(scaling.scaling_table("routes: whole request, µs", requests, peers, growth=True), end="\n\n")
    matches = scaling.matches(peers, rounds * 3)
    print(scaling.scaling_table("routes: match alone, µs", matches, peers, growth=True), end="\n\n")
    building = scaling.building(peers, min(rounds, 5))
    print(scaling.scaling_table("routes: build to first answer, ms", building, peers, growth=False))
    return {"rounds": rounds, "requests": requests, "matches": matches, "building": building}


def _guards(options: argparse.Namespace, peers: list[str]) -> dict[str, Any]:
    rounds = options.rounds or (20 if options.quick else 60)
    found = guards.measure(rounds, 0.006 if options.quick else 0.02, _say)
    print(f"What is added to a request, in CPU, median of {rounds} pairs. The last line compares equal applications.\n")
    print(columns(guards.rows(found)))
    hello = found["all"]["hello"]
    dear = hello.low > guards.BAR
    print(f"\nAll guards add {hello.added:.2f} µs to hello; at most {guards.BAR} µs are allowed.")
    costs = {guard: {name: asdict(one) for name, one in costs.items()} for guard, costs in found.items()}
    return {"rounds": rounds, "slower": ["guards"] if dear else [], "guards": costs}


def _gate(options: argparse.Namespace, peers: list[str]) -> dict[str, Any]:
    # What is there to be compared with another case says nothing about the tree that the other does not.
    cases = [case for case in chosen(options) if case.counts or options.case]
    pairs = options.rounds or (9 if options.quick else 15)
    with source_of(options.base) as base:
        gate = Gate(ROOT / "src", base, cases, pairs, 0.006 if options.quick else 0.02, _say)
        found = gate.go()
    rows = [["case", f"against {options.base}", "at least", "pairs", ""]]
    rows += [
        [one.case, number(one.ratio), number(one.low), str(one.pairs), "SLOWER" if one.slower else ""] for one in found
    ]
    print("How many times the CPU per request; the real ratio is `at least` that with a confidence of 99.5 %.\n")
    print(columns(rows))
    slower = [one.case for one in found if one.slower]
    print(f"\nMore than 10 % slower: {', '.join(slower)}" if slower else "\nNo case is more than 10 % slower.")
    return {"base": options.base, "slower": slower, "cases": {one.case: asdict(one) for one in found}}


def _served(options: argparse.Namespace, peers: list[str]) -> dict[str, Any]:
    rounds, seconds = options.rounds or (2 if options.quick else 5), 1 if options.quick else 4
    rates = {}
    print(f"Requests per second over 16 connections, median of {rounds} rounds of {seconds} s; larger is better.\n")
    for server in (server for server in served.SERVERS if options.server in server.name):
        if served.missing(server):
            print(f"{server.name} is left out: {server.module} is not installed.\n")
            continue
        able = [peer for peer in peers if peer in server.peers and served.installed(peer)]
        if not able:
            continue
        rates[server.name] = served.measure(server, able, rounds, seconds, _say)
        print(f"{server.name}\n{columns(served.rates_rows(rates[server.name]))}\n", flush=True)
    return {"rounds": rounds, "seconds": seconds, "rates": rates}


def _document(options: argparse.Namespace, peers: list[str]) -> dict[str, Any]:
    """Measures what docs/performance.md shows, and writes the tables and charts there."""
    for part in options.only or document.PARTS:
        _say(f"==== {part}")
        figures = {"machine": machine(), **COMMANDS[part](options, peers)}
        document.keep(part, figures)
    document.write()
    return {"written": [str(document.PAGE), *map(str, document.CHARTS.values())]}


COMMANDS: dict[str, Callable[[argparse.Namespace, list[str]], dict[str, Any]]] = {
    "run": _run,
    "startup": _startup,
    "scaling": _scaling,
    "growth": _growth,
    "served": _served,
    "guards": _guards,
    "gate": _gate,
    "document": _document,
}
