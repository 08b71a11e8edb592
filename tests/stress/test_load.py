"""64 connections at a time: every answer carries its own request's data, and every request is torn down once."""

from __future__ import annotations

import pytest

from tests.stress.load import drive, for_seconds
from tests.stress.serving import LONG, SERVERS, serving, wait_until

CONNECTIONS = 64
SECONDS = 60.0 if LONG else 2.0


@pytest.mark.parametrize(("server", "way"), [*((server, "short") for server in SERVERS), ("gthread", "long")])
def test_no_answer_is_mixed_up(server: str, way: str) -> None:
    """Under load no request sees another one's data, none fails, and the teardown functions run once for each."""
    with serving(server, env={"STRESS_SIGNALS": "1"} if way == "long" else None) as running:
        outcome = drive(running, CONNECTIONS, for_seconds(SECONDS))
        assert outcome.problems == []
        assert outcome.total > CONNECTIONS * 5
        wait_until(lambda: running.count("ended") >= outcome.total, "requests are not torn down")
        assert [running.count(what) for what in ("begun", "ended", "contexts")] == [outcome.total] * 3
        assert running.logged() == outcome.counts["error"]
    print(f"\n{server}, {way} way: {outcome.total} requests in {SECONDS:g} s, 0 errors")
