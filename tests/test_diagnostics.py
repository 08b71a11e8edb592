"""The errors of debug mode say what was wrong and what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequestKeyError
from werkzeug.routing import RequestRedirect

from costrel.diagnostics import (
    DebugFilesKeyError,
    FormDataRoutingRedirect,
    UnexpectedUnicodeError,
    attach_enctype_error_multidict,
    explain_missing_files,
)
from costrel.request import Request
from tests.support.environ import make_environ

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Debugged(Request):
    """A request of an application in debug mode."""

    current_settings = staticmethod(lambda: {"DEBUG": True})


@pytest.mark.parametrize("first", ["files", "form"])
@pytest.mark.parametrize("size", [0, 100_000])
def test_files_without_enctype(first: str, size: int) -> None:
    """Reading a file that came as a field says which attribute the form needs, for bodies of any length."""
    body = b"f=photo.png&f=other.png&rest=" + b"x" * size
    request = Debugged(make_environ(method="POST", headers=FORM, body=body))
    getattr(request, first)
    with pytest.raises(DebugFilesKeyError) as caught:
        _ = request.files["f"]
    assert 'enctype="multipart/form-data"' in str(caught.value)
    assert "'photo.png', 'other.png'" in str(caught.value)
    assert isinstance(caught.value, KeyError)


def test_missing_file_without_such_a_field() -> None:
    """A key that the form has not either is an ordinary bad request."""
    request = Debugged(make_environ(method="POST", headers=FORM, body=b"a=1"))
    with pytest.raises(BadRequestKeyError):
        _ = request.files["f"]
    assert request.files.get("f") is None
    assert type(request.files).__name__ == "ImmutableMultiDict"


@pytest.mark.parametrize("debug", [False, True])
def test_only_in_debug_mode_and_for_other_forms(debug: bool) -> None:
    """Without debug mode, and for a multipart form, the files are plain."""

    class Own(Request):
        current_settings = staticmethod(lambda: {"DEBUG": debug})

    request = Own(make_environ(method="POST", headers=FORM, body=b"f=1"))
    multipart = Own(
        make_environ(method="POST", headers={"Content-Type": "multipart/form-data; boundary=x"}, body=b"--x--\r\n")
    )
    with pytest.raises(KeyError) as caught:
        _ = request.files["f"]
    assert isinstance(caught.value, DebugFilesKeyError) is debug
    with pytest.raises(BadRequestKeyError):
        _ = multipart.files["f"]


def test_empty_field_is_not_listed() -> None:
    """The message lists what the browser sent, and nothing where the form changed meanwhile."""
    request = Request(make_environ(method="POST", headers=FORM, body=b"f=1"))
    explain_missing_files(request)
    assert attach_enctype_error_multidict is explain_missing_files
    error = DebugFilesKeyError(request, "f")
    assert "This was submitted" in str(error)
    request.form = MultiDict()
    assert "This was submitted" not in str(DebugFilesKeyError(request, "f"))


@pytest.mark.parametrize(
    ("target", "slash"),
    [("http://localhost/form/", True), ("http://localhost/form/?a=1", True), ("http://localhost/other", False)],
)
def test_redirect_that_loses_the_form(target: str, slash: bool) -> None:
    """The error names both URLs, and the slash where that is the difference."""
    request = Request(make_environ("/form", method="POST"))
    request.routing_exception = RequestRedirect(target)
    message = str(FormDataRoutingRedirect(request))
    assert "'http://localhost/form'" in message
    assert repr(target) in message
    assert ("ends with a slash" in message) is slash


def test_redirect_error_without_a_redirect() -> None:
    """The error can be made for any request."""
    assert "redirects to the canonical URL ''" in str(FormDataRoutingRedirect(Request(make_environ("/form"))))


@pytest.mark.parametrize("base", [AssertionError, UnicodeError])
def test_unexpected_unicode(base: Any) -> None:
    """The error for text in the wrong place is both of its kinds."""
    assert issubclass(UnexpectedUnicodeError, base)
