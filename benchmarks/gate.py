"""The gate: whether a case has become slower than it was at another commit.

Both trees run the same programs in turns, each in processes of its own, so that what slows the machine down hits both.
A case that looks slower is measured again in fresh processes, since where a process happens to lie in memory can make
all of its samples a few per cent slower.
"""

from __future__ import annotations

import io
import math
import random
import statistics
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.material import write_static_files
from benchmarks.pipes import ROOT, Peer

#: How many times the base's time a case may take.
LIMIT = 1.10

#: The share of unchanged trees of which the lower bound of a case may lie above the real ratio.
RISK = 0.005


#: In how many further pairs of processes a case is measured that looks slower, and then one that cannot be decided.
FURTHER = (4, 8, 16)


class NoBase(Exception):
    """The commit to compare with cannot be found."""


@dataclass(frozen=True)
class Verdict:
    """What the gate found out about one case.

    Args:
        case: its name.
        ratio: how many times the base's time the tree took; the median of all pairs of samples.
        low: the lower bound of that, which holds with a confidence of 99.5 %.
        pairs: the number of pairs.
    """

    case: str
    ratio: float
    low: float
    pairs: int

    @property
    def slower(self) -> bool:
        """Whether the case is slower than the limit allows, with confidence."""
        return self.low > LIMIT


def lower_bound(ratios: Sequence[float], risk: float = RISK) -> float:
    """A bound below which the real median lies with no more than that probability, whatever the distribution.

    It is an order statistic: of n values, the probability that k or more of them lie above the median is binomial.

    >>> lower_bound([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9])
    1.0
    >>> lower_bound([1.0, 2.0])
    0.0
    """
    values = sorted(ratios)
    total = len(values)
    probability = 0.0
    for rank in range(total + 1):
        probability += math.comb(total, rank) / 2**total
        if probability > risk:
            return values[rank - 1] if rank else 0.0
    return values[-1]


def verdict(case: str, ratios: Sequence[float]) -> Verdict:
    """Sums up the pairs of one case.

    >>> verdict("hello", [1.0] * 20).slower, verdict("hello", [1.2] * 20).slower
    (False, True)
    """
    return Verdict(case, statistics.median(ratios), lower_bound(ratios), len(ratios))


@contextmanager
def source_of(commit: str) -> Iterator[Path]:
    """Unpacks the package as it was at a commit, and gives the folder to import it from.

    Args:
        commit: its name, or a folder that has the package to compare with.

    Raises:
        NoBase: the checkout does not have that commit, or is no checkout of git.
    """
    if Path(commit, "costrel").is_dir():
        yield Path(commit).resolve()
        return
    done = subprocess.run(["git", "-C", str(ROOT), "archive", commit, "src"], capture_output=True, check=False)
    if done.returncode:
        raise NoBase(f"There is no commit {commit!r} to compare with: {done.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, [member for member in archive if member.isreg()])
        yield Path(folder, "src")


@dataclass
class Gate:
    """A comparison of two source trees.

    Args:
        tree: the folder that has the package in question.
        base: the folder that has the package to compare with.
        cases: what to measure.
        pairs: how many pairs of samples each pair of processes gives.
        seconds: CPU time of one sample.
        report: takes lines about the progress.
    """

    tree: Path
    base: Path
    cases: Sequence[Case]
    pairs: int
    seconds: float
    report: Callable[[str], None]

    def go(self) -> list[Verdict]:
        """Measures every case in two pairs of processes, and what looks slower in more of them.

        Returns:
            The verdict on each case; on those measured again, from the later measurements alone.
        """
        cases = [case for case in self.cases if "costrel" in case.peers]
        found = {case.name: verdict(case.name, ratios) for case, ratios in self._measure(cases, processes=2)}
        suspects = [case for case in cases if found[case.name].ratio > 1 + (LIMIT - 1) / 2]
        again: dict[str, list[float]] = {}
        for processes in FURTHER:
            if not suspects:
                break
            self.report(f"once more: {', '.join(case.name for case in suspects)}")
            for case, ratios in self._measure(suspects, processes):
                again.setdefault(case.name, []).extend(ratios)
                found[case.name] = verdict(case.name, again[case.name])
            # Over the limit, but not for certain: more pairs will tell.
            suspects = [case for case in suspects if found[case.name].low <= LIMIT < found[case.name].ratio]
        return list(found.values())

    def _measure(self, cases: Sequence[Case], processes: int) -> list[tuple[Case, list[float]]]:
        ratios: dict[str, list[float]] = {case.name: [] for case in cases}
        with tempfile.TemporaryDirectory() as folder:
            write_static_files(Path(folder))
            for program in dict.fromkeys(case.program for case in cases):
                group = [case for case in cases if case.program == program]
                self.report(f"{program}: {', '.join(case.name for case in group)}")
                for _ in range(processes):
                    self._pair_of_processes(group, Path(folder), ratios)
        return [(case, ratios[case.name]) for case in cases]

    def _pair_of_processes(self, cases: Sequence[Case], folder: Path, ratios: dict[str, list[float]]) -> None:
        with ExitStack() as stack:
            sources = [("tree", self.tree), ("base", self.base)]
            peers = {
                name: stack.enter_context(Peer("costrel", cases[0].program, folder, source))
                for name, source in random.sample(sources, 2)
            }
            for peer in peers.values():
                peer.ready()
            # The same number of passes for both: a loop that runs longer is warmer.
            passes = {case.name: peers["base"].passes(case.name, self.seconds) for case in cases}
            for case in cases:
                peers["tree"].passes(case.name, self.seconds)
            for _ in range(self.pairs):
                for case in random.sample(cases, len(cases)):
                    ratios[case.name].append(self._pair(peers, case.name, passes[case.name]))

    @staticmethod
    def _pair(peers: dict[str, Peer], case: str, passes: int) -> float:
        times = {}
        for name in random.sample(sorted(peers), 2):
            seconds, overhead = peers[name].sample(case, passes)
            times[name] = max(seconds - overhead, 1e-9)
        return times["tree"] / times["base"]
