"""The deliberate differences from Flask that random programs meet: the one table of them, and how each is settled.

A row says under which heading of ``docs/differences.md`` the difference is described. It makes the steps of both
frameworks equal in what the difference is about, and in nothing else; what is unequal after all rows is a mistake.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from costrel.logging import printable
from tests.differential.requesting import RAW_QUERY, UNREADABLE_SESSIONS

Step = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One deliberate difference.

    :param name: what differs.
    :param heading: the section of ``docs/differences.md`` that describes it.
    :param words: the beginning of the paragraph there.
    :param settle: changes the steps, Flask's and costrel's, where it finds the difference.
    """

    name: str
    heading: str
    words: str
    settle: Callable[[Step, Step], None]


def _refuse_impossible_status(flask: Step, costrel: Step) -> None:
    code = flask.get("status", "200").partition(" ")[0]
    if not (code.isdecimal() and 100 <= int(code) <= 999):
        _forget(flask, costrel)


def _escape_in_log(flask: Step, costrel: Step) -> None:
    for event in flask["events"]:
        if event[0] == "log" and event[3].startswith("Exception on "):
            event[3] = printable(event[3])


def _sort_allow(flask: Step, costrel: Step) -> None:
    for step in (flask, costrel):
        for field in step.get("headers", ()):
            if field[0] == "Allow":
                field[1] = ", ".join(sorted(field[1].split(", ")))


def _forget_unreadable_session(flask: Step, costrel: Step) -> None:
    if any(cookie in flask["step"] for cookie in UNREADABLE_SESSIONS):
        _forget(flask, costrel)


def _forget(*steps: Step) -> None:
    """Leaves nothing to compare."""
    for step in steps:
        for name in [name for name in step if name != "step"]:
            del step[name]
        step["events"] = []


def _cut_at_failing_teardown(flask: Step, costrel: Step) -> None:
    for step in (flask, costrel):
        if not any(event[0] == "teardown failed" for event in step["events"]):
            return
    for step in (flask, costrel):
        events = itertools.takewhile(lambda event: event[0] not in {"teardown", "started"}, step["events"])
        before, left = list(events), step["left"]
        _forget(step)
        step.update(events=before, left=left)


def _tear_down_last(flask: Step, costrel: Step) -> None:
    for step in (flask, costrel):
        events = step["events"]
        # A bare server sees where the response has started; nothing before it moves.
        start = events.index(["started"]) if ["started"] in events else 0
        ends = [event for event in events[start:] if event[0] == "teardown"]
        step["events"] = [*events[:start], *(event for event in events[start:] if event[0] != "teardown"), *ends]


def _tell_teardown_of_the_stream(flask: Step, costrel: Step) -> None:
    error = costrel.get("raised")
    if error is None or flask.get("raised") != error:
        return
    told = {event[1] for event in costrel["events"] if event[0] == "teardown" and event[2:3] == [error]}
    for event in flask["events"]:
        if event[0] == "teardown" and event[1] in told and event[2:3] == ["NoneType"]:
            event[2] = error


def _tear_down_once(flask: Step, costrel: Step) -> None:
    ends = [event for event in costrel["events"] if event[0] == "teardown"]
    surplus: set[int] = set()
    for name in {event[1] for event in ends}:
        ours = [event for event in ends if event[1] == name]
        theirs = [(at, event) for at, event in enumerate(flask["events"]) if event[:2] == ["teardown", name]]
        # Kept are those that are like costrel's, or else the last.
        theirs.sort(key=lambda end: (0, end[0]) if end[1] in ours else (1, -end[0]))
        surplus.update(at for at, _ in theirs[len(ours) :])
    if not surplus:
        return
    flask["events"] = [event for at, event in enumerate(flask["events"]) if at not in surplus]
    kept = [event for event in flask["events"] if event[0] == "teardown"]
    if sorted(map(repr, kept)) == sorted(map(repr, ends)):
        # Some may be of the first round and some of the second: which is which cannot be told.
        in_order = iter(ends)
        flask["events"] = [next(in_order) if event[0] == "teardown" else event for event in flask["events"]]


def _leave_no_context_between_chunks(flask: Step, costrel: Step) -> None:
    for event, other in _in_pairs("chunk", flask, costrel):
        if (event[1], other[1]) == (True, False):
            event[1] = False
    # Flask pushes its context for the stream a second time, and says so.
    for name in ("appcontext_pushed", "appcontext_pushed context"):
        pushed = [at for at, event in enumerate(flask["events"]) if event[:2] == ["signal", name]]
        often = sum(event[:2] == ["signal", name] for event in costrel["events"])
        for at in reversed(pushed[often:]):
            del flask["events"][at]


def _in_pairs(group: str, *steps: Step) -> Iterator[tuple[list[Any], list[Any]]]:
    """Returns the events of a group, the first of each framework, then the second of each, and so on."""
    flask, costrel = ([event for event in step["events"] if event[0] == group] for step in steps)
    return zip(flask, costrel, strict=False)


def _push_one_context(flask: Step, costrel: Step) -> None:
    for step in (flask, costrel):
        for event in [*step.get("transaction", ()), *step["events"]]:
            if event[1:2] in (["appcontext_pushed context"], ["appcontext_popped context"]):
                event[2] = None


def _answer_400_to_raw_bytes(flask: Step, costrel: Step) -> None:
    failed = "UnicodeDecodeError" in str([flask["events"], flask.get("raised")])
    if f"'QUERY_STRING': {RAW_QUERY!r}" in flask["step"] and failed:
        _forget(flask, costrel)


def _raise_value_error(flask: Step, costrel: Step) -> None:
    if flask["step"] == "made" and (flask.get("raised"), costrel.get("raised")) == ("SyntaxError", "ValueError"):
        _forget(flask, costrel)


def _have_complete_error_pages(flask: Step, costrel: Step) -> None:
    for event, other in _in_pairs("sequence", flask, costrel):
        if (event[1], other[1]) == (True, False) and event[2] == other[2]:
            event[1] = False
    # Flask's pages of errors are empty for HEAD already when hooks see them.
    if "'method': 'HEAD'" in flask["step"] and flask.get("body") == costrel.get("body") == "":
        for field, other in zip(flask.get("headers", ()), costrel.get("headers", ()), strict=False):
            if field[0] == other[0] == "Content-Length" and costrel["status"][0] in "45":
                field[1] = other[1]


def _read_small_files_at_once(flask: Step, costrel: Step) -> None:
    refused = "RuntimeError" in str([event for event in flask["events"] if event[0] == "log"])
    if refused and any(field[0] == "Last-Modified" for field in costrel.get("headers", ())):
        _forget(flask, costrel)


def _close_files_too(flask: Step, costrel: Step) -> None:
    ends = [event for event in costrel["events"] if event[0] == "closed" and event not in flask["events"]]
    costrel["events"] = [event for event in costrel["events"] if event not in ends]


DIFFERENCES = [
    Difference(
        "An impossible status is refused",
        "Responses",
        "**What would break a response is refused when it is set**",
        _refuse_impossible_status,
    ),
    Difference(
        "A name that a rule uses twice is a ValueError",
        "Routing",
        "**A name that a rule uses twice is always a** `ValueError`",
        _raise_value_error,
    ),
    Difference(
        "Control characters in the log are escaped",
        "Requests",
        "**Control characters in the log are escaped**",
        _escape_in_log,
    ),
    Difference(
        "Methods in Allow are sorted",
        "Routing",
        "**Methods in** `Allow` **are sorted.**",
        _sort_allow,
    ),
    Difference(
        "Raw bytes in a query string are a bad request",
        "Requests",
        "**A query string with raw bytes that are not UTF-8 is a bad request**",
        _answer_400_to_raw_bytes,
    ),
    Difference(
        "Pages of HTTP errors are complete bodies",
        "Responses",
        "**Small files and pages of HTTP errors are complete bodies.**",
        _have_complete_error_pages,
    ),
    Difference(
        "Small files are read at once",
        "Responses",
        "**Small files and pages of HTTP errors are complete bodies.**",
        _read_small_files_at_once,
    ),
    Difference(
        "call_on_close also works with direct_passthrough",
        "Responses",
        "**Functions of** `call_on_close` **also run for a body with** `direct_passthrough`.",
        _close_files_too,
    ),
    Difference(
        "A stream has its context only while a chunk is made",
        "Responses",
        "**A stream with** `stream_with_context` **has its context only while a chunk is made**",
        _leave_no_context_between_chunks,
    ),
    Difference(
        "An unreadable session is a new one",
        "Sessions",
        "**A cookie that was signed with the right key but cannot be read gives a new session**",
        _forget_unreadable_session,
    ),
    Difference(
        "Every teardown function runs",
        "The end of a request",
        "**Every teardown function runs**",
        _cut_at_failing_teardown,
    ),
    Difference(
        "Teardown functions are told errors of the body",
        "The end of a request",
        "**They are told the error that the body ended with**",
        _tell_teardown_of_the_stream,
    ),
    Difference(
        "Teardown functions run once",
        "The end of a request",
        "**They run once on every path.**",
        _tear_down_once,
    ),
    Difference(
        "Teardown functions run after the body",
        "The end of a request",
        "**Teardown functions run when the body has been sent or closed**",
        _tear_down_last,
    ),
    Difference(
        "There is one context",
        "Contexts",
        "**There is one context variable**",
        _push_one_context,
    ),
]


def settle(pairs: list[tuple[Step, Step]]) -> tuple[list[tuple[Step, Step]], set[str]]:
    """Settles the deliberate differences between the steps of a program.

    :returns: the pairs, and the names of the differences that were there.
    """
    names = set()
    for flask, costrel in pairs:
        if flask == costrel:
            continue
        for difference in DIFFERENCES:
            before = repr((flask, costrel))
            difference.settle(flask, costrel)
            if repr((flask, costrel)) != before:
                names.add(difference.name)
    return pairs, names
