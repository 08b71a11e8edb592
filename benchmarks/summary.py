"""Medians, spreads, ratios and geometric means of what was measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Sample = tuple[float, float]
"""Seconds per request: of the peer with the measuring loop, and of the loop alone."""


@dataclass(frozen=True)
class Figure:
    """What one peer took for one case, in microseconds per request.

    Args:
        median: of all rounds.
        low: the quickest round.
        high: the slowest round.
    """

    median: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """The width from low to high as a share of the median."""
        return (self.high - self.low) / self.median if self.median else math.inf


Figures = Mapping[str, Mapping[str, Figure]]
"""For each case name, for each peer that took part, its figure."""


def figure(samples: Sequence[Sample]) -> Figure:
    """Summarise the rounds of one peer and case; the median cost of the loop is taken off each of them.

    Raises:
        statistics.StatisticsError: there are no samples.

    >>> figure([(5e-6, 1e-6), (7e-6, 1e-6), (6e-6, 2e-6)])
    Figure(median=5.0, low=4.0, high=6.0)
    """
    loop = statistics.median(overhead for _, overhead in samples)
    times = [max(seconds - loop, 0.0) * 1e6 for seconds, _ in samples]
    return Figure(*(round(value, 4) for value in (statistics.median(times), min(times), max(times))))


def added(samples: Sequence[Sample], without: Sequence[Sample], times: int = 1) -> float:
    """Microseconds that one case takes more than another in the same process: the median over their rounds.

    Args:
        samples: of the case with more in it.
        without: of the other one, round by round.
        times: how often the request does what the difference is about.

    >>> added([(7e-6, 1e-6), (9e-6, 1e-6)], [(3e-6, 1e-6), (3e-6, 1e-6)])
    5.0
    """
    rounds = zip(samples, without, strict=True)
    return round(statistics.median((more[0] - less[0]) / times * 1e6 for more, less in rounds), 4)


def ratio(figures: Mapping[str, Figure], peer: str, base: str) -> float | None:
    """How many times the base's median the peer took, or None where one of them did not take part.

    >>> ratio({"slow": Figure(6.0, 5.0, 7.0), "quick": Figure(2.0, 1.0, 3.0)}, "slow", "quick")
    3.0
    """
    if peer not in figures or base not in figures or not figures[base].median:
        return None
    return figures[peer].median / figures[base].median


def geometric_mean(values: Iterable[float]) -> float | None:
    """The geometric mean, or None of nothing.

    >>> geometric_mean([2.0, 8.0])
    4.0
    """
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else None


def shared_ratios(figures: Figures, peer: str, base: str) -> dict[str, float]:
    """The ratio of each case that both peers have, by case name."""
    found = {case: ratio(row, peer, base) for case, row in figures.items()}
    return {case: value for case, value in found.items() if value}
