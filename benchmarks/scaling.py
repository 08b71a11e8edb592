"""What the number of routes costs: per request, per match of the router alone, and while the app is built."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import deep_case
from benchmarks.pipes import Peer, PeerMissing
from benchmarks.rounds import Run
from benchmarks.table import columns, number

COUNTS = (10, 100, 1000, 10000)
BUILT = (1000, 10000)


def requests(peers: Sequence[str], rounds: int, seconds: float, report: Callable[[str], None]) -> dict[str, Any]:
    """Microseconds per whole request, for each number of routes, for each peer."""
    cases = [deep_case(count) for count in COUNTS]
    run = Run(cases, peers, [], rounds, seconds, report)
    figures = run.go()
    return {
        str(count): {peer: figure.median for peer, figure in figures[case.name].items()}
        for count, case in zip(COUNTS, cases, strict=True)
    }


def matches(peers: Sequence[str], rounds: int) -> dict[str, Any]:
    """Microseconds per match alone, for each number of routes, for each peer whose router can be asked alone.

    The routers of all sizes stay in memory together and take turns, so that drift of the machine hits all of them.
    """
    found: dict[str, dict[str, float]] = {str(count): {} for count in COUNTS}
    for name in peers:
        counts = [count for count in COUNTS if name in deep_case(count).peers]
        ready = [(count, peer) for count in counts if (peer := _started(name, count)) is not None]
        times: dict[int, list[float]] = {count: [] for count, _ in ready}
        for _ in range(rounds):
            for count, peer in random.sample(ready, len(ready)):
                seconds = peer.match(f"deep-{count}", 40)
                if seconds is not None:
                    times[count].append(seconds * 1e6)
        for count, peer in ready:
            peer.close()
            if times[count]:
                found[str(count)][name] = statistics.median(times[count])
    return found


def building(peers: Sequence[str], rounds: int) -> dict[str, Any]:
    """CPU milliseconds from the imported framework to the first answer, for each number of routes, for each peer."""
    times: dict[str, dict[str, list[float]]] = {str(count): {} for count in BUILT}
    for _ in range(rounds):
        for count in BUILT:
            # Bottle would take minutes for 10,000 routes, Pyramid one.
            names = [name for name in peers if name not in ("bottle", "pyramid") or count <= 1000]
            for name in random.sample(names, len(names)):
                with tempfile.TemporaryDirectory() as folder, Peer(name, f"routes-{count}", Path(folder)) as peer:
                    try:
                        first_answer = peer.ready().first_answer
                    except PeerMissing:
                        continue
                times[str(count)].setdefault(name, []).append(first_answer * 1000)
    return {count: {name: statistics.median(found) for name, found in row.items()} for count, row in times.items()}


def _started(name: str, count: int) -> Peer | None:
    peer = Peer(name, f"routes-{count}", Path(tempfile.gettempdir()))
    try:
        peer.ready()
    except PeerMissing:
        peer.close()
        return None
    return peer


def scaling_table(title: str, found: dict[str, dict[str, float]], peers: Sequence[str], growth: bool) -> str:
    """One row for each number of routes, and the growth from the fewest to the most of them.

    Args:
        title: says what the numbers are.
        found: for each number of routes, for each peer, a time.
        peers: the columns.
        growth: adds a row that divides the last row by the first.
    """
    names = [peer for peer in peers if any(peer in row for row in found.values())]
    rows = [[title, *names]]
    for count, row in found.items():
        rows.append([f"{int(count):,}", *(number(row.get(name)) for name in names)])
    first, *_, last = found.values()
    if growth:
        rows.append(["growth", *(number(_times(last.get(name), first.get(name))) for name in names)])
    return columns(rows)


def _times(last: float | None, first: float | None) -> float | None:
    return last / first if last and first else None
