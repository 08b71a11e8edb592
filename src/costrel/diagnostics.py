"""The errors that teach: raised in debug mode only, where a mistake would otherwise show as something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from werkzeug.wrappers import Request


class UnexpectedUnicodeError(AssertionError, UnicodeError):
    """Text was given where bytes were wanted, or the other way round."""


class DebugFilesKeyError(KeyError, AssertionError):
    """A file was read from ``request.files``, but the form had sent only its name, as a field.

    :param request: the request; its form has the field.
    :param key: the name of the field.
    """

    def __init__(self, request: Request, key: str) -> None:
        sent = ", ".join(repr(value) for value in request.form.getlist(key))
        self.msg = (
            f"request.files has no file {key!r}: the request's media type is {request.mimetype!r}, so no file"
            " contents were transmitted; only 'multipart/form-data' carries files. Write the form as"
            ' <form method="post" enctype="multipart/form-data">.'
        )
        if sent:
            self.msg += f"\n\nThis was submitted: {sent}, the name of the file only, in request.form[{key!r}]."
        super().__init__(self.msg)

    def __str__(self) -> str:
        return self.msg


class FormDataRoutingRedirect(AssertionError):
    """Routing answered a request with a redirect that makes the browser drop its method and body.

    :param request: the request; its ``routing_exception`` is the redirect.
    """

    def __init__(self, request: Request) -> None:
        target = getattr(getattr(request, "routing_exception", None), "new_url", "")
        message = (
            f"A {request.method} request was sent to {request.url!r}, which redirects to the canonical URL {target!r}."
        )
        if f"{request.base_url}/" == target.partition("?")[0]:
            message += " The rule ends with a slash and the request did not; rules with one redirect to it."
        super().__init__(
            f"{message} A browser drops the form data on such a redirect: send the request to the second URL, or let"
            " routing redirect with status 307 or 308. This error is raised in debug mode only."
        )


def explain_missing_files(request: Request) -> None:
    """Makes ``request.files`` raise :exc:`DebugFilesKeyError` for a key that the form has as a field.

    :param request: a request whose form has been parsed and has no files.
    """
    storage: type[Any] = type(request.files)

    class ExplainingFiles(storage):  # type: ignore[misc]
        def __getitem__(self, key: str) -> Any:
            try:
                return super().__getitem__(key)
            except KeyError:
                if key not in request.form:
                    raise
                raise DebugFilesKeyError(request, key) from None

    ExplainingFiles.__name__ = storage.__name__
    ExplainingFiles.__qualname__ = storage.__qualname__
    ExplainingFiles.__module__ = storage.__module__
    request.files.__class__ = ExplainingFiles


#: Flask's name for the same.
attach_enctype_error_multidict = explain_missing_files
