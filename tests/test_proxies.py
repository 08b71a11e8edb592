"""The proxies read attributes as the objects behind them would, errors included."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from costrel import App, Request, current_app, g, request, session
from costrel.proxies import find_app_context, find_request_context
from costrel.sessions import SecureCookieSession, SecureCookieSessionInterface


class Counted:
    """An attribute that can never be read, and counts how often it was tried."""

    def __init__(self) -> None:
        self.reads = 0

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        self.reads += 1
        raise AttributeError("not today")


class OwnRequest(Request):
    """A request with an attribute that cannot be read, under a public and under a private name."""

    broken = Counted()
    _broken = Counted()


class OwnSession(SecureCookieSession):
    """A session with such an attribute."""

    broken = Counted()


class OwnInterface(SecureCookieSessionInterface):
    """Opens such sessions."""

    session_class = OwnSession


class OwnGlobals:
    """A ``g`` with such an attribute."""

    broken = Counted()


class OwnApp(App):
    """An application with all of them."""

    broken = Counted()
    request_class = OwnRequest
    app_ctx_globals_class = OwnGlobals  # type: ignore[assignment]


@pytest.fixture
def app() -> App:
    """An application whose objects have attributes that cannot be read."""
    app = OwnApp("program", static_folder=None, root_path="/")
    app.secret_key = "key"
    app.session_interface = OwnInterface()
    return app


# By name: to make the test's own name, pytest would look into an unbound proxy.
PROXIES: dict[str, Any] = {"request": request, "session": session, "g": g, "current_app": current_app}
READS = [("request", OwnRequest), ("session", OwnSession), ("g", OwnGlobals), ("current_app", OwnApp)]


@pytest.mark.parametrize(("name", "cls"), READS)
def test_an_attribute_that_fails_is_computed_once(app: App, name: str, cls: Any) -> None:
    """An AttributeError from inside of an attribute reaches the caller as it was raised, after one try."""
    proxy = PROXIES[name]
    counter = cls.broken
    with app.test_request_context():
        before = counter.reads
        with pytest.raises(AttributeError, match="not today") as caught:
            _ = proxy.broken
        assert counter.reads == before + 1
        assert caught.traceback[-1].name == "__get__"
        assert not hasattr(proxy, "broken")
        assert counter.reads == before + 2


@pytest.mark.parametrize(("name", "cls"), READS)
@pytest.mark.parametrize("missing", ["missing", "_missing", "__missing__", ""])
def test_a_missing_attribute(app: App, name: str, cls: type, missing: str) -> None:
    """A name that the object lacks is an AttributeError, and the next name is not affected by it."""
    proxy = PROXIES[name]
    with app.test_request_context():
        for _ in range(2):
            with pytest.raises(AttributeError):
                getattr(proxy, missing)
            assert getattr(proxy, missing, "default") == "default"
            assert proxy.__class__ is cls


def test_private_names_are_the_objects(app: App) -> None:
    """A name with an underscore in front is looked up on the object, where the proxy has none of its own."""
    with app.test_request_context():
        assert request._plain is False or request._plain is True
        with pytest.raises(AttributeError, match="not today"):
            _ = request._broken  # type: ignore[attr-defined]
        g._word = "kept"
        assert g._word == "kept"


def test_a_request_that_cannot_be_made_is_tried_once(app: App) -> None:
    """An AttributeError from the constructor of the request is not followed by a second try."""
    tries = []

    class Refusing(Request):
        def __init__(self, environ: Any) -> None:
            tries.append(environ)
            raise AttributeError("no request")

    with app.test_request_context() as context:
        context._request = None
        app.request_class = Refusing
        with pytest.raises(AttributeError, match="no request"):
            _ = request.path
        assert len(tries) == 1
        context._request = Request(context.environ)


def test_an_error_is_not_kept(app: App) -> None:
    """An error that was handled is gone at once: neither the context nor a reference cycle keeps it."""
    errors: list[weakref.ref[Refusal]] = []

    class Refusal(AttributeError):
        pass

    class Refusing(Request):
        @property
        def word(self) -> str:
            error = Refusal()
            errors.append(weakref.ref(error))
            try:
                raise error
            finally:
                del error

    app.request_class = Refusing
    gc.disable()
    try:
        with app.test_request_context() as context:
            assert not hasattr(request, "word")
            assert context.attribute_error is None
            assert [error() for error in errors] == [None]
    finally:
        gc.enable()


def test_finding_the_context(app: App) -> None:
    """The context is found where there is one; elsewhere the error says how to get one."""
    with app.test_request_context() as context:
        assert find_app_context() is find_request_context() is context
    with pytest.raises(RuntimeError, match="app_context"):
        find_app_context()
    with app.app_context(), pytest.raises(RuntimeError, match="test_request_context"):
        find_request_context()


@pytest.mark.parametrize("name", ["a", "Z", "DATABASE", "_private", "é", "ß", "z9"])
def test_names_of_every_kind(app: App, name: str) -> None:
    """An attribute is found under whatever name it was set, and a missing one is missed with its name."""
    with app.app_context():
        setattr(g, name, "value")
        assert getattr(g, name) == getattr(g._get_current_object(), name) == "value"
        delattr(g, name)
        with pytest.raises(AttributeError, match=name):
            getattr(g, name)
