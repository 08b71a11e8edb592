"""The run: starts the peers, checks that they answer the same, and measures them in interleaved rounds."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.answers import difference
from benchmarks.cases import PAIRS, Case
from benchmarks.material import write_static_files
from benchmarks.pipes import Peer, PeerMissing
from benchmarks.summary import Figure, Sample, added, figure


class AnswersDiffer(Exception):
    """Peers did not answer a request in the same way, so their times cannot be compared."""


@dataclass
class Run:
    """What to measure, and how long.

    Args:
        cases: the cases, in the order of the table.
        peers: who takes part.
        required: the peers without which the run makes no sense.
        rounds: how many samples each peer and case gets; 0 only checks the answers.
        seconds: CPU time of one sample.
        report: takes lines about the progress.
    """

    cases: Sequence[Case]
    peers: Sequence[str]
    required: Sequence[str]
    rounds: int
    seconds: float
    report: Callable[[str], None]
    descriptions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)

    def go(self) -> dict[str, dict[str, Figure]]:
        """Measure everything.

        Returns:
            For each case, for each peer that took part, its figure; nothing when `rounds` is 0.

        Raises:
            AnswersDiffer: peers do not answer the same.
            PeerMissing: a required peer is not installed.
        """
        with tempfile.TemporaryDirectory() as folder:
            write_static_files(Path(folder))
            for program in dict.fromkeys(case.program for case in self.cases):
                self._program(program, Path(folder))
        return {
            case.name: {peer: figure(found) for peer, found in self.samples[case.name].items()}
            for case in self.cases
            if case.name in self.samples
        }

    def _program(self, program: str, folder: Path) -> None:
        """Measure the cases of one program, with a fresh process for each peer."""
        cases = [case for case in self.cases if case.program == program]
        names = [peer for peer in self.peers if any(peer in case.peers for case in cases) and peer not in self.missing]
        self.report(f"{program}: {', '.join(case.name for case in cases)}")
        with contextlib.ExitStack() as stack:
            # All start before the first is waited for, because building 10,000 routes takes some of them seconds.
            started = [stack.enter_context(Peer(name, program, folder)) for name in names]
            peers = [peer for peer in started if self._ready(peer)]
            for case in cases:
                check_answers(case, [peer for peer in peers if peer.name in case.peers])
            self._measure(cases, peers)

    def added(self) -> dict[str, dict[str, float]]:
        """For each pair of cases that was measured, for each peer, what the first takes more than the second."""
        found: dict[str, dict[str, float]] = {}
        for pair in PAIRS:
            more, less = self.samples.get(pair.case, {}), self.samples.get(pair.without, {})
            row = {peer: added(more[peer], less[peer], pair.times) for peer in more if less.get(peer)}
            if row:
                found[pair.title] = row
        return found

    def _ready(self, peer: Peer) -> bool:
        try:
            self.descriptions[peer.name] = peer.ready().description
        except PeerMissing as error:
            if peer.name in self.required:
                raise PeerMissing(f"{peer.name} is needed, but {error}.") from None
            self.missing[peer.name] = str(error)
            self.report(f"{peer.name} is left out: {error}")
            return False
        return True

    def _measure(self, cases: Sequence[Case], peers: Sequence[Peer]) -> None:
        if not self.rounds:
            return
        pairs = [(case, peer) for case in cases for peer in peers if peer.name in case.peers]
        passes = {(case.name, peer.name): peer.passes(case.name, self.seconds) for case, peer in pairs}
        for case, peer in pairs:
            self.samples.setdefault(case.name, {})[peer.name] = []
        for _ in range(self.rounds):
            for case in random.sample(cases, len(cases)):
                taking_part = [peer for peer in peers if peer.name in case.peers]
                for peer in random.sample(taking_part, len(taking_part)):
                    sample = peer.sample(case.name, passes[case.name, peer.name])
                    self.samples[case.name][peer.name].append(sample)


def check_answers(case: Case, peers: Sequence[Peer]) -> None:
    """Compare the answers of all peers to all requests of a case with those of the last peer, Flask or costrel.

    Raises:
        AnswersDiffer: with the first difference of each peer.
    """
    if len(peers) < 2:
        return
    model = next((peer for peer in peers if peer.name == "flask"), peers[-1])
    expected = model.answers(case.name)
    found = []
    for peer in peers:
        if peer is model:
            continue
        for number, pair in enumerate(zip(expected, peer.answers(case.name), strict=True)):
            what = difference(case, *pair)
            if what is not None:
                found.append(f"{case.name}, request {number}: {peer.name} against {model.name}: {what}")
                break
    if found:
        raise AnswersDiffer("\n".join(found))
