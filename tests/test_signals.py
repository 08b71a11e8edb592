"""Tests of costrel.signals: what is sent when, to whom, and whether anybody listens."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Iterator
from typing import Any

import blinker
import pytest

from costrel import App, abort, flash, render_template_string, request, signals, url_for
from costrel.context import has_app_context, has_request_context
from tests.support.environ import call, make_environ
from tests.support.frameworks import assert_same_as_flask

#: Each signal's attribute, its name, and whether every request may send it.
SIGNALS = [
    ("template_rendered", "template-rendered", False),
    ("before_render_template", "before-render-template", False),
    ("message_flashed", "message-flashed", False),
    ("request_started", "request-started", True),
    ("request_finished", "request-finished", True),
    ("request_tearing_down", "request-tearing-down", True),
    ("got_request_exception", "got-request-exception", True),
    ("appcontext_tearing_down", "appcontext-tearing-down", True),
    ("appcontext_pushed", "appcontext-pushed", True),
    ("appcontext_popped", "appcontext-popped", True),
]
NAMES = [attribute for attribute, _, _ in SIGNALS]
REQUEST_PATH = [attribute for attribute, _, on_path in SIGNALS if on_path]


@contextlib.contextmanager
def recorded(*names: str, sender: Any = blinker.ANY) -> Iterator[list[tuple[str, Any, dict[str, Any]]]]:
    """Gives the list of what is sent inside the block: the signal's name, its sender and its arguments."""
    events: list[tuple[str, Any, dict[str, Any]]] = []
    with contextlib.ExitStack() as stack:
        for name in names:

            def receive(sent_by: Any, name: str = name, **arguments: Any) -> None:
                events.append((name, sent_by, arguments))

            stack.enter_context(getattr(signals, name).connected_to(receive, sender))
        yield events


@pytest.fixture
def serving(app: App) -> App:
    """An application with a view, a failing one, and one that renders and flashes."""

    @app.get("/")
    def home() -> str:
        return "home"

    @app.get("/refused")
    def refused() -> str:
        abort(403)

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError("broken")

    @app.get("/page")
    def page() -> str:
        flash("hello", "info")
        return render_template_string("{{ word }}", word="hi")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


@pytest.mark.parametrize(("attribute", "name", "on_path"), SIGNALS)
def test_the_ten_signals(attribute: str, name: str, on_path: bool) -> None:
    """Each signal is a named signal of blinker under Flask's name, and exists once."""
    signal = getattr(signals, attribute)
    assert isinstance(signal, blinker.NamedSignal)
    assert signal.name == name
    assert isinstance(signal, signals.RequestPathSignal) is on_path
    assert not signal.receivers


@pytest.mark.parametrize("attribute", NAMES)
def test_watched_is_true_while_somebody_listens(attribute: str) -> None:
    """Only a receiver of the request path's signals turns the flag on, and it goes when the last one has gone."""
    signal = getattr(signals, attribute)
    on_path = attribute in REQUEST_PATH

    def one(sender: Any, **arguments: Any) -> None: ...

    def other(sender: Any, **arguments: Any) -> None: ...

    assert not signals.watched
    assert signal.connect(one) is one
    assert signals.watched is on_path
    signal.connect(other, sender="somebody")
    signal.disconnect(one)
    assert signals.watched is on_path
    signal.disconnect(other, sender="somebody")
    assert not signals.watched
    signal.disconnect(other)
    assert not signals.watched


@pytest.mark.parametrize("attribute", REQUEST_PATH)
def test_watched_follows_every_way_to_connect(attribute: str) -> None:
    """Blocks and decorators connect too, also where the block raises."""
    signal = getattr(signals, attribute)

    def receive(sender: Any, **arguments: Any) -> None: ...

    with pytest.raises(ValueError, match="inside"), signal.connected_to(receive):
        assert signals.watched
        raise ValueError("inside")
    assert not signals.watched

    @signal.connect_via("somebody")  # type: ignore[untyped-decorator]
    def decorated(sender: Any, **arguments: Any) -> None: ...

    assert signals.watched
    signal.disconnect(decorated, sender="somebody")
    assert not signals.watched


def test_two_signals_are_watched_apart() -> None:
    """Disconnecting from one signal leaves the flag on while another has a receiver."""

    def receive(sender: Any, **arguments: Any) -> None: ...

    with signals.request_started.connected_to(receive):
        with signals.appcontext_popped.connected_to(receive):
            assert signals.watched
        assert signals.watched
    assert not signals.watched


def test_a_receiver_that_is_collected_is_not_called(serving: App) -> None:
    """Receivers are held weakly: a forgotten one is gone, and requests go on as before."""
    seen: list[str] = []

    def connect() -> None:
        def receive(sender: Any, **arguments: Any) -> None:
            seen.append(request.path)

        signals.request_started.connect(receive)
        assert call(serving, make_environ("/")).read() == b"home"

    connect()
    gc.collect()
    assert call(serving, make_environ("/")).read() == b"home"
    assert seen == ["/"]
    signals.request_started.disconnect(connect)
    assert not signals.watched


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ["request_started", "request_finished"]),
        ("/refused", ["request_started", "request_finished"]),
        ("/none", ["request_started", "request_finished"]),
        ("/broken", ["request_started", "got_request_exception", "request_finished"]),
        ("/page", ["request_started", "message_flashed", "before_render_template", "template_rendered"]),
    ],
)
def test_what_a_request_sends(serving: App, path: str, expected: list[str]) -> None:
    """The signals of one request come in Flask's order, between those of its context, each sent by the application."""
    if path == "/page":
        expected = [*expected, "request_finished"]
    with recorded(*NAMES) as events:
        call(serving, make_environ(path)).read()
    assert [name for name, _, _ in events] == [
        "appcontext_pushed",
        *expected,
        "request_tearing_down",
        "appcontext_tearing_down",
        "appcontext_popped",
    ]
    assert all(sender is serving for _, sender, _ in events)


def test_what_the_signals_carry(serving: App) -> None:
    """The arguments have Flask's names and are the objects of the request."""
    with recorded(*NAMES) as events:
        page = call(serving, make_environ("/page"))
        page.read()
        call(serving, make_environ("/broken")).read()
    carried: dict[str, list[Any]] = {}
    for name, _, arguments in events:
        carried.setdefault(name, []).append(arguments)
    assert carried["request_started"] == [{}, {}]
    assert [finished["response"].status_code for finished in carried["request_finished"]] == [200, 500]
    assert carried["message_flashed"] == [{"message": "hello", "category": "info"}]
    (rendered,) = carried["template_rendered"]
    assert rendered["context"]["word"] == "hi"
    assert rendered["template"].name is None
    assert carried["before_render_template"][0].keys() == rendered.keys() == {"template", "context"}
    (failed,) = carried["got_request_exception"]
    assert isinstance(failed["exception"], ZeroDivisionError)
    for name in ("request_tearing_down", "appcontext_tearing_down"):
        assert carried[name][0] == {"exc": None}
        assert carried[name][1].keys() == {"exc"}
    assert carried["appcontext_pushed"] == carried["appcontext_popped"] == [{}, {}]


def test_a_sender_may_be_chosen(serving: App) -> None:
    """A receiver connected to one application hears nothing of another."""
    other = App("other", root_path=serving.root_path)
    other.add_url_rule("/", "home", lambda: "other")
    with recorded(*NAMES, sender=other) as events:
        call(serving, make_environ("/")).read()
        assert events == []
        call(other, make_environ("/")).read()
    assert {sender.name for _, sender, _ in events} == {"other"}


@pytest.mark.parametrize(
    ("name", "request_active", "app_active"),
    [
        ("request_started", True, True),
        ("got_request_exception", True, True),
        ("request_finished", True, True),
        ("request_tearing_down", True, True),
        ("appcontext_tearing_down", False, True),
    ],
)
def test_what_is_current_when_a_signal_is_sent(serving: App, name: str, request_active: bool, app_active: bool) -> None:
    """A receiver finds the request and the application current as long as the signal promises them."""
    seen: list[tuple[bool, bool]] = []

    def receive(sender: Any, **arguments: Any) -> None:
        seen.append((has_request_context(), has_app_context()))

    with getattr(signals, name).connected_to(receive):
        call(serving, make_environ("/broken")).read()
    assert [app for _, app in seen] == [app_active]
    assert [active for active, _ in seen] == [request_active]


def test_an_app_context_sends_its_own_three(app: App) -> None:
    """Pushing an application context sends the context's signals, and nothing of requests."""
    with recorded(*NAMES) as events:
        with app.app_context():
            assert [name for name, _, _ in events] == ["appcontext_pushed"]
        assert [name for name, _, _ in events[1:]] == ["appcontext_tearing_down", "appcontext_popped"]
        events.clear()
        with app.app_context(), app.test_request_context():
            pass
        found, events[:] = list(events), []
        with app.test_request_context():
            pass
    # Alone or inside its application's context, a request sends the same, but for the moments.
    assert events == found
    assert [name for name, _, _ in events] == [
        "appcontext_pushed",
        "request_tearing_down",
        "appcontext_tearing_down",
        "appcontext_popped",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_receivers_may_be_coroutine_functions(serving: App, name: str) -> None:
    """Each signal calls an ``async def`` receiver and waits for it."""
    seen: list[Any] = []

    async def receive(sender: Any, **arguments: Any) -> None:
        await asyncio.sleep(0)
        seen.append(sender)

    with getattr(signals, name).connected_to(receive):
        call(serving, make_environ("/page")).read()
        call(serving, make_environ("/broken")).read()
    assert seen
    assert all(sender is serving for sender in seen)


def test_a_receiver_may_change_the_response(serving: App) -> None:
    """What a receiver of ``request_finished`` does to the response is sent."""

    def receive(sender: Any, response: Any, **arguments: Any) -> None:
        response.headers["X-Seen"] = url_for("home")

    with signals.request_finished.connected_to(receive):
        assert call(serving, make_environ("/")).header("X-Seen") == "/"
    assert call(serving, make_environ("/")).header("X-Seen") is None


def test_a_failing_receiver_fails_the_request(serving: App) -> None:
    """An error of a receiver before the view is an error of the request; the teardown signals are still sent."""

    def receive(sender: Any, **arguments: Any) -> None:
        raise ValueError("receiver")

    with signals.request_started.connected_to(receive), recorded("appcontext_popped") as events:
        assert call(serving, make_environ("/")).status_code == 500
    assert len(events) == 1


def test_a_receiver_that_connects_during_a_request(serving: App) -> None:
    """Somebody who begins to listen within a request hears of its end."""
    seen: list[str] = []

    def receive(sender: Any, **arguments: Any) -> None:
        seen.append("popped")

    def view() -> str:
        signals.appcontext_popped.connect(receive)
        return ""

    serving.add_url_rule("/connect", "connect", view)
    try:
        call(serving, make_environ("/connect")).read()
    finally:
        signals.appcontext_popped.disconnect(receive)
    assert seen == ["popped"]


def test_connecting_on_another_thread(serving: App) -> None:
    """The flag and the receivers are those of the process, not of a thread."""
    seen: list[str] = []

    def receive(sender: Any, **arguments: Any) -> None:
        seen.append(request.path)

    thread = threading.Thread(target=lambda: signals.request_started.connect(receive))
    thread.start()
    thread.join()
    try:
        call(serving, make_environ("/")).read()
    finally:
        signals.request_started.disconnect(receive)
    assert seen == ["/"]


def test_the_signals_are_flasks() -> None:
    """A program that listens to all ten hears the same with Flask, with every kind of request."""
    events = assert_same_as_flask(
        """
import importlib
signals = importlib.import_module(framework.__name__ + ".signals")
names = ["template_rendered", "before_render_template", "message_flashed", "request_started", "request_finished",
    "request_tearing_down", "got_request_exception", "appcontext_tearing_down", "appcontext_pushed",
    "appcontext_popped"]
app = App("x", root_path=".")
app.secret_key = "k"
result = []
keep = []

def listen(name):
    def receive(sender, **arguments):
        current = [framework.has_request_context(), framework.has_app_context()]
        result.append([name, sender.name, current if name not in ("appcontext_pushed", "appcontext_popped") else None,
            sorted(arguments), type(arguments.get("exc", arguments.get("exception"))).__name__])
    keep.append(receive)
    getattr(signals, name).connect(receive)

for name in names:
    listen(name)

@app.route("/")
def home():
    return "home"

@app.route("/page")
def page():
    framework.flash("x")
    return framework.render_template_string("x")

@app.route("/stream")
def stream():
    return iter(["a", framework.request.path])

@app.route("/broken")
def broken():
    raise KeyError("x")

@app.route("/handled")
def handled():
    raise ValueError("x")

@app.errorhandler(ValueError)
def value_error(error):
    return "handled", 400

@app.route("/nested")
def nested():
    with app.app_context():
        result.append("inside")
    with app.test_request_context("/other"):
        result.append("inside request")
    return app.test_client().get("/").text

client = app.test_client()
for testing in (False, True):
    app.testing = testing
    for path in ["/", "/page", "/stream", "/broken", "/handled", "/nested", "/none"]:
        result.append(path)
        try:
            client.get(path)
        except Exception as error:
            result.append(repr(error))
    with app.test_request_context("/page"):
        app.preprocess_request()
        framework.render_template_string("y")
"""
    )
    assert ["got_request_exception", "x", [True, True], ["exception"], "KeyError"] in events


@pytest.mark.parametrize("name", REQUEST_PATH)
def test_which_signals_come_at_the_end(name: str) -> None:
    """The end of a request is watched while one of the three signals that are sent then may have a receiver."""
    with recorded(name):
        assert getattr(signals, name).has_receivers()
        assert signals.end_watched == ("tearing" in name or name == "appcontext_popped")
    assert not signals.end_watched
    assert not getattr(signals, name).has_receivers()


def test_a_receiver_may_make_the_request_before_it_is_matched(serving: App) -> None:
    """A receiver that looks at the request when the context is pushed sees no rule; later ones see it, as the view."""
    seen: list[Any] = []

    def receive(sender: App, **extra: Any) -> None:
        seen.append(request.endpoint)

    with signals.appcontext_pushed.connected_to(receive), signals.request_started.connected_to(receive):
        for _ in range(2):
            assert serving.test_client().get("/").status_code == 200
    assert len(set(seen[1::2])) == 1
    assert (seen[::2], seen[1] is None) == ([None, None], False)
