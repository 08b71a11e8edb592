"""Servers that are ended, reloaded and killed under load: what was accepted is answered, and the service goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.stress.connections import PATIENCE, Answer, Broken, Connection
from tests.stress.serving import LONG, Serving, serving, wait_until

TERMINATIONS = 20 if LONG else 1
RELOADS = 10 if LONG else 1
CLIENTS = 32

#: What is asked for; answers take some milliseconds each, so that the signal comes within many of them.
KINDS = ("text", "stream", "session", "template")


class Clients:
    """Connections that ask without a pause and remember which of their requests were answered in full."""

    def __init__(self, server: Serving, name: str) -> None:
        self.server, self.name = server, name
        self.answered: set[str] = set()
        self.wrong: list[str] = []
        self.cut: list[str] = []
        self.unanswered: list[str] = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Clients:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _ask(self, number: int) -> None:
        count = 0
        opened: Connection | None = None
        while not self.stopping.is_set():
            try:
                opened = opened or Connection(self.server.port)
            except OSError:  # nobody listens, so nothing has been accepted
                time.sleep(0.01)
                continue
            count += 1
            token = f"{self.name}.{number}.{count}"
            try:
                answer = opened.ask(f"/{KINDS[count % len(KINDS)]}/{token}?q={token}", token=token)
            except Broken as error:
                (self.cut if error.begun else self.unanswered).append(token)
                opened.close()
                opened = None
                continue
            self._check(token, answer)
            if opened.closed:
                opened.close()
                opened = None
        if opened is not None:
            opened.close()

    def _check(self, token: str, answer: Answer) -> None:
        if answer.status == 200 and token.encode() in answer.body:
            self.answered.add(token)
        else:
            self.wrong.append(f"{token}: {answer}")


def _accepted(server: Serving) -> set[str]:
    """Returns the tokens of all requests that the application has been called for."""
    with contextlib.suppress(FileNotFoundError):
        return {token for token in (server.folder / "accepted").read_text().split("\n") if token}
    return set()


def _wait_for_end(server: Serving) -> int:
    """Waits until a server has ended; returns how often its workers had to be told again.

    Granian 2.8 now and then has a worker that serves on after SIGTERM, whatever the application.
    """
    for told_again in range(5):
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(PATIENCE / 5)
            return told_again
        for worker in _children(server.process.pid):
            os.kill(worker, signal.SIGTERM)
    raise TimeoutError("the server does not end")


@pytest.mark.parametrize("server", ["gthread", "gevent", "granian"] if LONG else ["gthread", "gevent"])
def test_termination_loses_no_accepted_request(server: str) -> None:
    """SIGTERM under load: whatever the application had begun is answered in full before the server ends."""
    accepted = lost = unanswered = told_again = 0
    for number in range(TERMINATIONS):
        with serving(server, workers=2, env={"STRESS_NOTE": "1"}) as running:
            clients = Clients(running, f"term{number}")
            with clients:
                wait_until(lambda: len(clients.answered) >= 300, "too few requests are answered")
                running.process.send_signal(signal.SIGTERM)
                told_again += _wait_for_end(running)
            assert (clients.wrong, clients.cut) == ([], [])
            begun = _accepted(running)
            accepted += len(begun)
            lost += len(begun - clients.answered)
            unanswered += len(clients.unanswered)
    print(f"\n{server}: {TERMINATIONS} times SIGTERM, {accepted} requests accepted, {lost} lost;")
    print(f"  {unanswered} on kept connections came after the server had closed them; {told_again} times told again")
    assert lost == 0


@pytest.mark.parametrize("server", ["gthread", "granian"] if LONG else ["gthread"])
def test_reloading_loses_no_accepted_request(server: str) -> None:
    """SIGHUP under load: new workers take over, and whatever the application had begun is answered in full."""
    with serving(server, workers=2, env={"STRESS_NOTE": "1"}) as running:
        with Clients(running, "hup") as clients:
            for number in range(RELOADS):
                wait_until(lambda: len(clients.answered) >= 200 * (number + 1), "too few requests are answered")
                before = set(_children(running.process.pid))
                running.process.send_signal(signal.SIGHUP)
                wait_until(lambda: not before & set(_children(running.process.pid)), "the old workers stay")
            served = len(clients.answered)
            wait_until(lambda: len(clients.answered) >= served + 100, "the new workers do not answer")
        assert (clients.wrong, clients.cut) == ([], [])
        lost = _accepted(running) - clients.answered
        print(f"\n{server}: {RELOADS} times SIGHUP, {len(clients.answered)} requests answered, {len(lost)} lost")
        assert lost == set()


@pytest.mark.parametrize("server", ["gthread", "granian"] if LONG else ["gthread"])
def test_service_goes_on_when_a_worker_is_killed(server: str) -> None:
    """SIGKILL of a worker costs the requests that it had at the time; another one takes its place."""
    with serving(server, workers=2) as running:
        with Clients(running, "kill") as clients:
            wait_until(lambda: len(clients.answered) >= 200, "too few requests are answered")
            victim = running.worker()
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: not Path(f"/proc/{victim}/cmdline").exists() or _is_dead(victim), "it lives on")
            wait_until(lambda: len(_workers(running)) == 2 and victim not in _workers(running), "nobody replaces it")
            served = len(clients.answered)
            wait_until(lambda: len(clients.answered) >= served + 200, "the service has not come back")
        assert clients.wrong == []
        # At the most one request of each client was in the killed process, and few meet the closed connection.
        assert len(clients.cut) + len(clients.unanswered) <= 2 * CLIENTS


def _is_dead(process: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return ") Z " in Path(f"/proc/{process}/stat").read_text()
    return True


def _children(process: int) -> list[int]:
    """Returns the processes that a process has started and that have not ended."""
    with contextlib.suppress(FileNotFoundError):
        return [
            int(child)
            for task in Path(f"/proc/{process}/task").iterdir()
            for child in (task / "children").read_text().split()
            if not _is_dead(int(child))
        ]
    return []


def _workers(server: Serving) -> set[int]:
    """Returns the processes that answer, asked often enough to meet them all."""
    found = set()
    for _ in range(20):
        with contextlib.suppress(OSError):
            found.add(server.worker())
    return found
