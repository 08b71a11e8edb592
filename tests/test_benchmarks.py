"""Tests of the benchmarks: their statistics, their comparison of answers, and their command line."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import importlib.util
import itertools
import json
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest

from benchmarks import bars, document, gate, growth, guards, served, startup, summary, svg, table
from benchmarks.answers import Answer, difference, send
from benchmarks.calls import Call, Repeated, environ_of, with_input
from benchmarks.cases import ASGI_PEERS, CASES, FAMILIES, PAIRS, case_named
from benchmarks.command import main
from benchmarks.material import VARIANTS, write_static_files
from benchmarks.peers import with_bare
from benchmarks.pipes import Peer, PeerFailed, PeerMissing
from benchmarks.requests import flashed_cookie, session_cookie, upload_of, validators
from benchmarks.rounds import AnswersDiffer, Run, check_answers
from benchmarks.summary import Figure, added, figure, geometric_mean, ratio, shared_ratios
from benchmarks.worker import Exercise, idle, time_pass
from tests.test_defaults import GUARDS

ROOT = Path(__file__).resolve().parent.parent
HELLO = case_named("hello")
HTML = ("content-type", "text/html; charset=utf-8")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def installed(*peers: str) -> list[str]:
    """Those of the peers that can be imported here."""
    return [peer for peer in peers if importlib.util.find_spec(peer) is not None]


# statistics


@pytest.mark.parametrize("module", [gate, growth, guards, summary, svg, table])
def test_docstring_examples_hold(module: Any) -> None:
    """The examples in the docstrings are true."""
    found = doctest.testmod(module)
    assert found.attempted and not found.failed


def test_figure_takes_the_loops_own_cost_off() -> None:
    """A figure is in microseconds, without the median cost of the measuring loop."""
    assert figure([(11e-6, 1e-6), (31e-6, 1e-6), (21e-6, 9e-6)]) == Figure(20.0, 10.0, 30.0)


def test_figure_is_never_negative() -> None:
    """A sample that is cheaper than the loop counts as nothing."""
    assert figure([(1e-6, 2e-6)]) == Figure(0.0, 0.0, 0.0)


def test_figure_of_nothing_is_an_error() -> None:
    """No samples have no median."""
    with pytest.raises(statistics.StatisticsError):
        figure([])


@pytest.mark.parametrize(("values", "expected"), [((2.0,), 1.0), ((0.0,), math.inf)])
def test_spread_is_a_share_of_the_median(values: tuple[float], expected: float) -> None:
    """The spread is the distance from the quickest to the slowest round over the median."""
    assert Figure(values[0], 1.0, 3.0).spread == expected


def test_added_compares_round_by_round() -> None:
    """What one case takes more is the median over the rounds, for one of the things that the request does."""
    assert added([(30e-6, 0.0), (50e-6, 0.0), (41e-6, 0.0)], [(20e-6, 0.0), (30e-6, 0.0), (20e-6, 0.0)], 10) == 2.0
    with pytest.raises(ValueError, match="zip"):
        added([(1.0, 0.0)], [])


def test_ratio_needs_both_peers() -> None:
    """A peer that did not take part has no ratio, nor has anything to a base of nothing."""
    row = {"flask": Figure(6.0, 6.0, 6.0), "costrel": Figure(2.0, 2.0, 2.0), "zero": Figure(0.0, 0.0, 0.0)}
    assert ratio(row, "flask", "costrel") == 3.0
    assert ratio(row, "bottle", "costrel") is None
    assert ratio(row, "flask", "falcon") is None
    assert ratio(row, "flask", "zero") is None


@pytest.mark.parametrize(("values", "expected"), [([], None), ([5.0], 5.0), ([1.0, 4.0, 16.0], 4.0)])
def test_geometric_mean(values: list[float], expected: float | None) -> None:
    """The geometric mean of ratios; nothing has none."""
    found = geometric_mean(values)
    assert found == (None if expected is None else pytest.approx(expected))


def test_shared_ratios_leave_out_what_one_peer_lacks() -> None:
    """Only the cases of both peers count for the geometric mean."""
    two, four = Figure(2.0, 2.0, 2.0), Figure(4.0, 4.0, 4.0)
    figures = {"a": {"flask": four, "costrel": two}, "b": {"costrel": two}, "c": {"flask": four}}
    assert shared_ratios(figures, "flask", "costrel") == {"a": 2.0}


def test_tables_show_medians_ratios_and_dashes() -> None:
    """A peer without the case gets a dash, the geometric mean stands below its ratios."""
    cases = [case_named("hello"), case_named("session-read")]
    two, ten = Figure(2.0, 1.5, 2.5), Figure(10.0, 9.0, 11.0)
    figures = {"hello": {"bare": two, "flask": ten, "costrel": two}, "session-read": {"flask": ten, "costrel": two}}
    lines = table.medians_table(cases, figures, ["bare", "flask", "costrel"], "costrel").splitlines()
    assert lines[0].split() == ["case", "bare", "flask", "costrel", "flask/costrel"]
    assert lines[2].split() == ["session", "read", "-", "10.0", "2.00", "5.00"]
    assert lines[3].split() == ["geometric", "mean", "5.00"]
    assert lines[4].split() == ["cases", "shared", "2"]
    assert "1.50 to 2.50" in table.spread_table(cases, figures, ["bare", "flask", "costrel"])


# cases


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_has_different_requests(case: Any) -> None:
    """Requests differ, so that keeping whole answers does not help: 64 of them, but fewer that take long."""
    calls = case.calls()
    few = {"upload-8m": 2, "json-100k": 8, "json-5m": 1}
    assert len(calls) == few.get(case.name, VARIANTS)
    assert all(call not in calls[:number] for number, call in enumerate(calls))


def test_case_names_are_unique() -> None:
    """A name chooses one case."""
    assert len({case.name for case in CASES}) == len(CASES)


def test_cases_are_found_by_name() -> None:
    """Deep routes exist for any count; other unknown names are errors."""
    assert case_named("hello").title == "hello text"
    assert case_named("deep-10").program == "routes-10"
    for name in ("nonsense", "deep-many"):
        with pytest.raises(KeyError):
            case_named(name)


@pytest.mark.parametrize("kind", FAMILIES)
def test_families_have_cases_of_any_size(kind: str) -> None:
    """A family's case is found by its name, and its requests differ unless there is only one."""
    case = case_named(f"{kind}-20")
    assert case.name == f"{kind}-20" and case == dataclasses.replace(case_named(f"{kind}-20"), call=case.call)
    calls = case.calls()
    assert len(calls) == case.variants and all(call not in calls[:number] for number, call in enumerate(calls))


def test_pairs_name_cases_that_do_not_count_twice() -> None:
    """Both cases of a pair exist, and the one that is there for the other is not part of the geometric mean."""
    assert all(case_named(pair.case) and not case_named(pair.without).counts for pair in PAIRS)


def test_what_a_case_needs_decides_whether_it_is_possible() -> None:
    """A case that needs a module is left out without it."""
    case = case_named("hello")
    assert case.possible()
    assert dataclasses.replace(case, needs="json").possible()
    assert not dataclasses.replace(case, needs="nonsense").possible()


@pytest.mark.parametrize("size", [1, 1000, 65536, 200_001])
def test_a_repeated_body_is_as_long_as_it_says(size: int) -> None:
    """It is read in pieces as from a socket, and holds a file of the size wanted."""
    body = upload_of(size)(0).body
    assert isinstance(body, Repeated)
    whole = body.open().read()
    assert len(whole) == len(body)
    head, tail = body.head, whole[whole.rindex(b"\r\n--") :]
    assert len(whole) - len(head) - len(tail) == size
    pieces = body.open()
    assert b"".join(iter(lambda: pieces.read(1000), b"")) == whole


def test_environ_has_what_a_server_gives() -> None:
    """The environ says length and type of a body, and each copy has its own input."""
    environ = environ_of(Call("/form", "POST", "a=1", {"HTTP_X_TOKEN": "t"}, b"body", "text/plain"), 3)
    first, second = with_input(environ, b"body"), with_input(environ, b"body")
    assert (environ["CONTENT_LENGTH"], environ["CONTENT_TYPE"], environ["HTTP_X_TOKEN"]) == ("4", "text/plain", "t")
    assert environ["RAW_URI"] == "/form?a=1"
    assert first["wsgi.input"].read() == second["wsgi.input"].read() == b"body"
    assert "CONTENT_LENGTH" not in environ_of(Call("/"), 0)


def test_prepared_headers_come_from_the_peers_own_answers() -> None:
    """A client sends back the cookie and the validators that it was given."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        assert environ["PATH_INFO"] in ("/sign-in", "/file", "/flash")
        cookies = [("Set-Cookie", "session=abc; Path=/"), ("Set-Cookie", "session=abc; Domain=a.b")]
        start_response("200 OK", [*cookies, ("Set-Cookie", "m=1"), ("ETag", '"1"'), ("Last-Modified", "then")])
        return [b""]

    assert session_cookie(app, Call("/whoami", query="user=ada")) == {"HTTP_COOKIE": "session=abc; m=1"}
    assert flashed_cookie(app, Call("/flash")) == {"HTTP_COOKIE": "session=abc; m=1"}
    expected = {"HTTP_IF_NONE_MATCH": '"1"', "HTTP_IF_MODIFIED_SINCE": "then"}
    assert validators(app, Call("/file")) == expected


# answers


@pytest.mark.parametrize(
    ("case", "expected", "actual"),
    [
        ("hello", Answer("404 NOT FOUND", (HTML,), b""), Answer("404 Not Found", (HTML,), b"")),
        (
            "hello",
            Answer("200 OK", (HTML,), b""),
            Answer("200 OK", (("content-type", "Text/HTML;charset=UTF-8"),), b""),
        ),
        ("json", Answer("200 OK", (), b'{"a":1,"b":2}\n'), Answer("200 OK", (), b'{"b": 2, "a": 1}')),
        (
            "redirect",
            Answer("302 FOUND", (("location", "/user/1"),), b"<p>moved"),
            Answer("302 Found", (("location", "http://127.0.0.1:8000/user/1"),), b""),
        ),
        ("options", Answer("200 OK", (HTML,), b""), Answer("200 OK", (), b"")),
    ],
)
def test_legitimate_differences_are_not_reported(case: str, expected: Answer, actual: Answer) -> None:
    """Reason phrases, parameters of media types, JSON spacing, redirect bodies and absolute locations may differ."""
    assert difference(case_named(case), expected, actual) is None


@pytest.mark.parametrize(
    ("case", "change", "message"),
    [
        ("hello", {"status": "500 OK"}, "status is '500', not '200'"),
        ("hello", {"body": b"other"}, "body is b'other', not b'{\"a\": 1}'"),
        ("hello", {"headers": ()}, "media type is '', not 'text/html'"),
        ("json", {"body": b'{"a": 2}'}, "body is {'a': 2}, not {'a': 1}"),
        ("hooks", {"headers": (HTML, ("x-one", "2"))}, "x-one is '2', not '1'"),
        ("hello", {"body": b"x" * 500}, "(503 characters), not"),
    ],
)
def test_real_differences_are_reported(case: str, change: dict[str, Any], message: str) -> None:
    """Status code, body, media type and named headers must agree."""
    expected = Answer("200 OK", (HTML, ("x-one", "1")), b'{"a": 1}')
    found = difference(case_named(case), expected, dataclasses.replace(expected, **change))
    assert found is not None and message in found


def test_send_closes_the_body_and_needs_a_start() -> None:
    """The body is closed as a server does; an app that never starts the response is wrong."""
    closed = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("X-Name", "v")])(b"")
        return Body([b"a", b"b"])

    answer = send(app, {})
    assert (answer.body, answer.header("x-name"), answer.header("missing"), closed) == (b"ab", "v", "", [True])
    with pytest.raises(RuntimeError, match="start_response"):
        send(lambda environ, start_response: [], {})


class FakePeer(Peer):
    """A peer that answers from memory."""

    def __init__(self, name: str, bodies: list[bytes]) -> None:
        self.name = name
        self._bodies = bodies

    def answers(self, case: str) -> list[Answer]:
        return [Answer("200 OK", (HTML,), body) for body in self._bodies]


def test_check_names_the_peer_the_case_and_the_request() -> None:
    """Peers are compared with Flask; the first difference of each is told."""
    flask, bottle, falcon = (
        FakePeer("flask", [b"a", b"b"]),
        FakePeer("bottle", [b"a", b"c"]),
        FakePeer("falcon", [b"a", b"b"]),
    )
    with pytest.raises(AnswersDiffer) as caught:
        check_answers(case_named("hello"), [falcon, bottle, flask])
    assert str(caught.value) == "hello, request 1: bottle against flask: body is b'c', not b'b'"


@pytest.mark.parametrize("bodies", [[b"a"], [b"a", b"b", b"c"]])
def test_check_refuses_too_few_or_too_many_answers(bodies: list[bytes]) -> None:
    """Each request has its own answer."""
    with pytest.raises(ValueError, match="zip"):
        check_answers(case_named("hello"), [FakePeer("flask", [b"a", b"b"]), FakePeer("bottle", bodies)])


# the worker


def test_time_pass_sends_every_request_once_and_closes_bodies(tmp_path: Path) -> None:
    """One pass takes all environs in the order of the list's end, reads each body and closes it."""
    seen: list[str] = []
    closed = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(environ["PATH_INFO"])
        start_response("200 OK", [])(b"")
        return Body([b""])

    environs = [environ_of(Call(path), 0) for path in ("/b", "/a")]
    assert time_pass(app, environs) >= 0
    assert (seen, closed, environs) == (["/a", "/b"], [True, True], [])
    assert list(idle({}, lambda status, headers, exc_info=None, /: lambda data: None)) == []


def test_exercise_measures_app_and_loop(tmp_path: Path) -> None:
    """A sample is positive, the loop around it costs less, and the passes fit the time wanted."""
    write_static_files(tmp_path)
    exercise = Exercise(with_bare.build("text", tmp_path), "static-304", tmp_path)
    assert exercise.sample(3) > exercise.overhead(3) > 0
    assert exercise.passes(0.0) == 1
    assert exercise.match(with_bare, 1) is None
    answers = exercise.answers()
    assert len(answers) == VARIANTS and {answer["status"] for answer in answers} == {"304 Not Modified"}


# processes


def test_peer_process_reports_its_errors(tmp_path: Path) -> None:
    """An unknown case raises in the parent with the traceback, and the process serves on."""
    write_static_files(tmp_path)
    with Peer("bare", "text", tmp_path) as peer:
        assert peer.ready().description.startswith("plain WSGI")
        with pytest.raises(PeerFailed, match="KeyError: 'nonsense'"):
            peer.answers("nonsense")
        assert peer.answers("hello")[0].body == b"Hello, World!"
        assert peer.match("hello", 1) is None


def test_peer_that_does_not_exist_is_missing(tmp_path: Path) -> None:
    """A module that cannot be imported makes the peer missing; a program that cannot be built makes it fail."""
    with Peer("nonsense", "text", tmp_path) as peer, pytest.raises(PeerMissing, match="with_nonsense"):
        peer.ready()
    with Peer("bare", "routes-many", tmp_path) as peer, pytest.raises(PeerFailed, match="ValueError"):
        peer.ready()


def test_run_leaves_out_a_missing_peer_unless_it_is_required() -> None:
    """A run goes on without a peer that is not installed, and stops without a required one."""
    case = dataclasses.replace(case_named("hello"), peers=("bare", "nonsense"))
    lines: list[str] = []
    run = Run([case], ["bare", "nonsense"], ["bare"], 2, 0.001, lines.append)
    assert list(run.go()["hello"]) == ["bare"]
    assert list(run.missing) == ["nonsense"] and any("nonsense is left out" in line for line in lines)
    with pytest.raises(PeerMissing, match="nonsense is needed"):
        Run([case], ["bare", "nonsense"], ["nonsense"], 2, 0.001, lines.append).go()


def test_all_installed_peers_answer_the_same() -> None:
    """Every peer gives the answers of Flask to all requests of all cases but the largest."""
    peers = ["bare", "flask", "costrel", *installed("falcon", "bottle", "pyramid", "django")]
    large = ("deep-1000", "deep-10000", "json-5m", "upload-8m")
    cases = [case.name for case in CASES if case.name not in large and case.possible()]
    chosen = [f"--peer={peer}" for peer in peers] + [f"--case={case}" for case in cases]
    done = command("--check", *chosen)
    assert done.returncode == 0, done.stderr
    assert f"{len(cases)} cases, the same answers from" in done.stdout


# the command line


def test_list_names_every_case(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list` has a line for each case."""
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [case.name for case in CASES]


@pytest.mark.parametrize("arguments", [["--case", "nonsense"], ["--rounds", "0"], ["--peer", "nonsense"], ["dance"]])
def test_wrong_arguments_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped name is an error with the usage, never an empty run."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2 and "usage:" in capsys.readouterr().err


def test_run_prints_tables_and_writes_json(tmp_path: Path) -> None:
    """A run prints medians, ratios and spreads, and the file has the same figures."""
    file = tmp_path / "figures.json"
    done = command("--quick", "--rounds=2", "--case=hello", "--peer=flask", "--peer=costrel", f"--json={file}")
    assert done.returncode == 0, done.stderr
    assert "flask/costrel" in done.stdout and "quickest to slowest round" in done.stdout
    found = json.loads(file.read_text())
    flask, costrel = (found["cases"]["hello"][peer]["median"] for peer in ("flask", "costrel"))
    assert found["ratios"]["flask"]["hello"] == pytest.approx(flask / costrel)
    assert found["geometric_means"]["flask"] == pytest.approx(flask / costrel)
    assert set(found["peers"]) == {"flask", "costrel"}


def test_startup_compares_with_werkzeug(tmp_path: Path) -> None:
    """`startup` reports each import, and what it adds to werkzeug."""
    file = tmp_path / "startup.json"
    done = command("startup", "--rounds=1", f"--json={file}", "--peer=bare", "--peer=flask", "--peer=costrel")
    assert done.returncode == 0, done.stderr
    assert "wall over werkzeug" in done.stdout
    found = json.loads(file.read_text())
    imports = found["imports"]
    assert {"werkzeug", "costrel", "flask"} <= set(imports)
    assert imports["flask"]["modules"] > imports["werkzeug"]["modules"]
    assert set(found["hello"]) == set(found["building"]) == {"bare", "flask", "costrel"}
    for peer in found["hello"]:
        assert found["hello"][peer]["wall_ms"] > 0 and found["hello"][peer]["cpu_ms"] > 0
        assert found["building"][peer]["first_answer_ms"] >= found["building"][peer]["built_ms"] > 0
    if Path("/proc/self/status").exists():
        assert found["hello"]["flask"]["memory_mb"] > found["hello"]["bare"]["memory_mb"] > 1


def test_scaling_reports_requests_matches_and_building() -> None:
    """`scaling` has a table for whole requests and one for building; bare WSGI has no router to ask alone."""
    done = command("scaling", "--quick", "--rounds=1", "--peer=bare")
    assert done.returncode == 0, done.stderr
    assert all(title in done.stdout for title in ("whole request", "match alone", "build to first answer"))
    assert "growth" in done.stdout


# growth and charts

CURVE = growth.Curve("cookies", "Cookies", "cookies", (10, 100), 1, read=True)
BODY = growth.Curve("memory", "Memory", "body", (1000, 10_000), 1, read=False, unit="B", memory=True)
FOUND = {"10": {"bare": 2.0, "costrel": 4.0}, "100": {"bare": 20.0, "costrel": 30.0}}


def test_growth_rows_say_how_often_the_time_of_the_first_size_the_last_takes() -> None:
    """One row for each size, and one for the growth; a peer without figures has no column."""
    rows = growth.growth_rows(CURVE, FOUND, ["bare", "flask", "costrel"])
    assert rows[0] == ["Cookies", "bare", "costrel"]
    assert rows[1:3] == [["10", "2.00", "4.00"], ["100", "20.0", "30.0"]]
    assert rows[3] == ["10 times as much takes", "10.0 times", "7.50 times"]
    memory = growth.growth_rows(BODY, {"1000": {"bare": 4e6}, "10000": {}}, ["bare"])
    assert memory == [["Memory, MB", "bare"], ["1 kB", "4.00"], ["10 kB", "-"], ["10 times as much takes", "-"]]


def test_growth_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each size of each curve gets a figure of each peer that takes part; the quick run leaves sizes out."""
    monkeypatch.setattr(growth, "CURVES", (CURVE, BODY))
    found, descriptions = growth.measure(["bare", "bottle"], 1, 0.001, True, lambda line: None)
    assert set(descriptions) == {"bare"}
    assert list(found["cookies"]) == ["10"] and found["cookies"]["10"]["bare"] > 0
    if Path("/proc/self/clear_refs").exists():
        assert 4096 <= found["memory"]["1000"]["bare"] < 50_000_000


def test_a_peer_is_not_given_what_would_take_minutes() -> None:
    """Falcon and Flask would take minutes for 100,000 routes."""
    routes = growth.CURVES[0]
    assert growth.fits(routes, 100_000, "costrel") and not growth.fits(routes, 100_000, "falcon")
    assert growth.fits(CURVE, 100_000, "falcon")


def elements(drawing: str, name: str) -> list[Element]:
    """The elements of a drawing with that name."""
    return list(fromstring(drawing).iter("{http://www.w3.org/2000/svg}" + name))


def test_the_growth_chart_has_axes_lines_and_names() -> None:
    """It has a line for each peer and panel, sizes and times with units, and names in the legend and at the ends."""
    chart = growth.growth_chart({"cookies": FOUND, "memory": {}}, ["bare", "flask", "costrel"])
    words = [element.text for element in elements(chart, "text")]
    assert {"Cookies", "10", "100", "2 µs", "20 µs"} <= set(words)
    assert words.count("costrel") == 2 and "Flask" not in words and "Memory" not in words
    assert len(elements(chart, "polyline")) == 4
    assert "prefers-color-scheme:dark" in chart


def test_the_bar_chart_has_a_bar_for_each_peer() -> None:
    """Bars are as long as the times; a peer that has no such thing gets no bar; the geometric means are told."""
    row = {"flask": {"median": 50.0}, "costrel": {"median": 5.0}}
    chart = bars.run_chart({"hello": row, "session-write": row, "json": {"bare": {"median": 1.0}}}, {"flask": 10.0})
    bars_drawn = [element.get("d") or "" for element in elements(chart, "path")]
    assert len(bars_drawn) == 5
    words = [element.text or "" for element in elements(chart, "text")]
    assert words.count("has no such thing") == 4 and words.count("50.0") == 2
    assert any("geometric mean of all shared cases: Flask 10.0." in word for word in words)


@pytest.mark.parametrize(
    ("places", "gap"), [([1.0, 1.0, 1.0, 1.0], 10.0), ([50.0, 3.0, 44.0, 9.0, 41.0], 12.0), ([0.0], 5.0)]
)
def test_labels_do_not_lie_on_each_other(places: list[float], gap: float) -> None:
    """Labels keep their order, and their distance."""
    found = svg.spread_out(places, gap)
    order = sorted(range(len(places)), key=lambda number: places[number])
    assert all(found[b] - found[a] >= gap - 1e-9 for a, b in itertools.pairwise(order))
    assert sum(found) == pytest.approx(sum(places))


# the page


def test_a_block_of_the_page_is_filled() -> None:
    """What stood between the marks is replaced, the rest stays; a page without the marks is an error."""
    page = "# Title\n<!-- figures: run -->\nold\n<!-- end -->\nrest <!-- figures: other -->\n<!-- end -->\n"
    filled = document.filled(page, "run", r"new \1")
    assert filled.startswith("# Title\n<!-- figures: run -->\n\nnew \\1\n\n<!-- end -->\nrest") and "old" not in filled
    assert document.filled(filled, "run", r"new \1") == filled
    with pytest.raises(document.NoBlock, match="figures: invented"):
        document.filled(page, "invented", "")


def test_the_page_has_a_block_for_each_table() -> None:
    """Nothing that is measured for the page is without a place in it."""
    for page, blocks in ((document.PAGE, document.BLOCKS), (document.README, document.README_BLOCKS)):
        text = page.read_text(encoding="utf-8")
        assert all(document.filled(text, name, "new") != text for name in blocks)


def test_the_page_is_written_from_what_was_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One part measured fills its own blocks and draws its chart; the others stay as they are."""
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- figures: {name} -->\n<!-- end -->\n" for name in document.BLOCKS), encoding="utf-8")
    readme = tmp_path / "readme.md"
    readme.write_text(
        "".join(f"<!-- figures: {name} -->\n<!-- end -->\n" for name in document.README_BLOCKS), encoding="utf-8"
    )
    monkeypatch.setattr(document, "PAGE", page)
    monkeypatch.setattr(document, "README", readme)
    monkeypatch.setattr(document, "FIGURES", tmp_path / "figures")
    monkeypatch.setattr(document, "CHARTS", {"run": tmp_path / "run.svg", "growth": tmp_path / "growth.svg"})
    found = Run([case_named("hello")], ["bare", "costrel"], [], 1, 0.001, lambda line: None)
    figures = found.go()
    row = {peer: dataclasses.asdict(one) for peer, one in figures["hello"].items()}
    machine = {"python": "CPython 3.11", "system": "Linux", "processor": "x86_64"}
    kept = {"machine": machine, "peers": found.descriptions, "rounds": 1, "cases": {"hello": row}, "base": "costrel"}
    ratios = {"bare": {"hello": 0.25}, "falcon": {}}
    document.keep("run", {**kept, "ratios": ratios, "geometric_means": {"bare": 0.25}, "added": {}})
    document.write()
    text = page.read_text(encoding="utf-8")
    assert "| hello text |" in text and "- CPython 3.11 on Linux, x86_64; median of 1 rounds" in text
    assert "- plain WSGI: hello text (0.25)" in text
    assert "1.00 times the quickest" in text
    assert "<!-- figures: served -->\n<!-- end -->" in text
    short = readme.read_text(encoding="utf-8")
    assert "| case | plain WSGI | costrel |" in short and "| hello text |" in short and "plain WSGI 0.25." in short
    assert (tmp_path / "run.svg").exists() and not (tmp_path / "growth.svg").exists()


def test_markdown_has_a_rule_below_the_head() -> None:
    """The first column is to the left, the others to the right."""
    assert table.markdown([["case", "a"], ["hello", "1"]]) == "| case | a |\n|---|---:|\n| hello | 1 |"


# start-up


@pytest.mark.parametrize("peer", startup.HELLO)
def test_the_hello_apps_say_hello(peer: str, tmp_path: Path) -> None:
    """Each peer's hello app answers in a process that has nothing of the benchmarks, or is not installed."""
    program = startup.ANSWER.format(program=startup.HELLO[peer])
    found = startup.in_fresh_process(program, str(tmp_path))
    if found is None:
        assert not served.installed(peer)
    else:
        assert found["wall"] > 0 and (found["kilobytes"] is None or found["kilobytes"] > 1000)


# the gate


def test_the_lower_bound_holds_as_often_as_it_says() -> None:
    """Of many runs without any difference, no more have a bound above 1 than the risk allows."""
    noise = random.Random(4)
    bounds = [gate.lower_bound([noise.lognormvariate(0, 0.1) for _ in range(18)]) for _ in range(4000)]
    assert sum(bound > 1 for bound in bounds) <= 4000 * gate.RISK * 1.5


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no checkout of git, which has the commits")
def test_the_base_is_the_package_of_a_commit() -> None:
    """The folder has the package as it was; a commit that is not there is named."""
    with gate.source_of("HEAD") as source:
        assert (source / "costrel" / "app.py").is_file()
    assert not source.exists()
    with pytest.raises(gate.NoBase, match="no commit 'invented'"), gate.source_of("invented"):
        pass


@pytest.mark.parametrize(("delay", "slower"), [("", []), ("for _ in range(200): pass", ["hello"])])
def test_the_gate_sees_a_slowdown(
    delay: str, slower: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree whose requests do needless work is found out; the same tree twice is not."""
    # Copies of the package are not what coverage is to count.
    for name in [name for name in os.environ if name.startswith("COVERAGE")]:
        monkeypatch.delenv(name)
    for name in ("tree", "base"):
        shutil.copytree(ROOT / "src" / "costrel", tmp_path / name / "costrel", ignore=shutil.ignore_patterns("*.pyc"))
    module = tmp_path / "tree" / "costrel" / "dispatch.py"
    text = module.read_text()
    start = text.index('"""', text.index('"""', text.index("def serve(")) + 3) + 3
    module.write_text(f"{text[:start]}\n    {delay}{text[start:]}")
    lines: list[str] = []
    found = gate.Gate(tmp_path / "tree", tmp_path / "base", [case_named("hello")], 9, 0.004, lines.append).go()
    assert [one.case for one in found if one.slower] == slower
    assert lines[0] == "text: hello"
    assert not slower or found[0].pairs == 36


def test_the_guards_that_are_measured() -> None:
    """What is turned off is what a native application has beyond Flask, and one line of the table compares equals."""
    differing = {name: flasks for name, (native, flasks) in GUARDS.items() if native != flasks}
    assert differing == guards.OFF
    assert guards.GUARDS["none"] == ()
    assert set(guards.OFF) >= {name for names in guards.GUARDS.values() for name in names}
    for off in guards.GUARDS.values():
        app = guards.build(off)
        for call in guards.REQUESTS.values():
            assert send(app, with_input(environ_of(call, 0), call.body)).status.startswith("200")


def test_the_guards_on_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says what the guards add to hello, and fails where that is certainly more than the bar."""
    monkeypatch.setattr(guards, "GUARDS", {"all": tuple(guards.OFF), "none": ()})
    assert main(["guards", "--quick", "--rounds", "4"]) == 0  # four pairs are too few to be certain of anything
    out = capsys.readouterr().out
    assert "All guards add" in out
    assert re.search(r"^all +[+-]\d", out, re.MULTILINE)
    dear = guards.cost([(2.5, 2.0)] * 20)
    monkeypatch.setattr(guards, "measure", lambda *arguments: {"all": dict.fromkeys(guards.REQUESTS, dear)})
    assert main(["guards"]) == 1
    assert guards.cost([(2.5, 2.0), (2.0, 2.5)] * 20).low < guards.BAR


def test_the_gate_on_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It prints a line for each case, writes the figures, and ends with 0 where nothing is slower."""
    figures = tmp_path / "figures.json"
    options = ["--case", "static", "--rounds", "5", "--quick", "--json", str(figures)]
    status = main(["gate", "--base", str(ROOT / "src"), *options])
    printed = capsys.readouterr().out
    assert status == 0
    assert "No case is more than 10 % slower." in printed and "\nstatic " in printed
    assert json.loads(figures.read_text())["cases"]["static"]["case"] == "static"
    assert main(["gate", "--base", "invented"]) == 1


# throughput


def test_a_server_serves_each_peer(tmp_path: Path) -> None:
    """Behind gunicorn, costrel gives the bytes that bare WSGI gives; after the test the port is free again."""
    write_static_files(tmp_path)
    server = next(server for server in served.SERVERS if server.name.startswith("gunicorn sync"))
    bodies, urls = [], []
    for peer in ("bare", "costrel"):
        with served.serving(server, peer, case_named("hello"), tmp_path) as service:
            bodies.append(served.fetch(service.url))
            urls.append(service.url)
    assert bodies[0] == bodies[1] != b""
    with pytest.raises(OSError):
        served.fetch(urls[1])


def test_a_server_that_does_not_start_is_reported(tmp_path: Path) -> None:
    """What it prints is in the error."""
    broken = served.Server("broken", "gunicorn", ("gunicorn", "--bind", "127.0.0.1:{port}", "benchmarks.invented:app"))
    with (
        pytest.raises(served.CannotServe, match="invented"),
        served.serving(broken, "bare", case_named("hello"), tmp_path),
    ):
        pass


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not on this machine: apt-get install wrk")
def test_throughput_is_measured(tmp_path: Path) -> None:
    """``wrk`` gets answers; an address without a server is an error."""
    write_static_files(tmp_path)
    server = next(server for server in served.SERVERS if server.name.startswith("gunicorn sync"))
    with served.serving(server, "costrel", case_named("hello"), tmp_path) as service:
        rate, taken = served.drive(service, 1)
    assert rate > 0 and (taken > 0 or not Path("/proc/self/stat").exists())
    with pytest.raises(served.CannotServe):
        served.drive(service, 1)


def test_throughput_needs_wrk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ``wrk`` the error says what to install."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(served.CannotServe, match="apt-get install wrk"):
        served.measure(served.SERVERS[0], ["bare"], 1, 1, print)


def test_rates_are_shown_with_their_share_of_bare() -> None:
    """The table has the medians, and below them what share of bare WSGI they are."""
    rates = {
        "hello": {
            "bare": [(100.0, 10.0), (1000.0, 20.0), (1200.0, 30.0)],
            "costrel": [(900.0, 40.0), (800.0, 40.0), (1000.0, 40.0)],
        }
    }
    assert served.rates_rows(rates) == [
        ["case", "bare", "costrel"],
        ["hello: requests per second", "1,000", "900"],
        ["share of bare", "1.00", "0.90"],
        ["CPU of the server, µs each", "20.0", "40.0"],
        ["bare's CPU over it", "1.00", "0.50"],
    ]
    without_proc = {"hello": {"starlette": [(10.0, 0.0)]}}
    assert served.rates_rows(without_proc) == [["case", "starlette"], ["hello: requests per second", "10"]]


@pytest.mark.parametrize("peer", ASGI_PEERS)
def test_asgi_peers_answer_behind_uvicorn(peer: str, tmp_path: Path) -> None:
    """Starlette and FastAPI give the bytes that bare WSGI gives; without them nothing else breaks."""
    server = next(server for server in served.SERVERS if server.name.startswith("uvicorn"))
    assert server.peers == ASGI_PEERS
    if not served.installed(peer):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(f"benchmarks.peers.with_{peer}")
        return
    if served.missing(server):
        with pytest.raises(served.CannotServe, match="uvicorn"), served.serving(server, peer, HELLO, tmp_path):
            pass
        return
    with served.serving(server, peer, HELLO, tmp_path) as service:
        assert served.fetch(service.url) == b"Hello, World!"
