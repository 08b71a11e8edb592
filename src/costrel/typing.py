"""The types of what users hand in: return values of views, hooks, and error handlers.

Source: https://flask.palletsprojects.com/en/stable/api/#module-flask.typing
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from werkzeug.datastructures import Headers
    from werkzeug.sansio.response import Response

#: What a view may return as the body, before headers and status are added.
ResponseValue = Union[
    "Response",
    str,
    bytes,
    "list[Any]",
    Mapping[str, Any],
    "Iterator[str]",
    "Iterator[bytes]",
    "AsyncIterable[str]",
    "AsyncIterable[bytes]",
]

#: The value of one header: a text, or several of them.
HeaderValue = str | list[str] | tuple[str, ...]

#: Headers as a view may return them.
HeadersValue = Union[
    "Headers",
    Mapping[str, HeaderValue],
    Sequence[tuple[str, HeaderValue]],
]

#: Everything that a view may return.
ResponseReturnValue = Union[
    ResponseValue,
    tuple[ResponseValue, HeadersValue],
    tuple[ResponseValue, int],
    tuple[ResponseValue, int, HeadersValue],
    "WSGIApplication",
]

ResponseClass = Any

AppOrBlueprintKey = str | None
AfterRequestCallable = Callable[[Any], Any] | Callable[[Any], Awaitable[Any]]
BeforeFirstRequestCallable = Callable[[], None] | Callable[[], Awaitable[None]]
BeforeRequestCallable = (
    Callable[[], "ResponseReturnValue | None"] | Callable[[], "Awaitable[ResponseReturnValue | None]"]
)
ShellContextProcessorCallable = Callable[[], dict[str, Any]]
TeardownCallable = Callable[[BaseException | None], None] | Callable[[BaseException | None], Awaitable[None]]
TemplateContextProcessorCallable = Callable[[], dict[str, Any]] | Callable[[], Awaitable[dict[str, Any]]]
TemplateFilterCallable = Callable[..., Any]
TemplateGlobalCallable = Callable[..., Any]
TemplateTestCallable = Callable[..., bool]
URLDefaultCallable = Callable[[str, dict[str, Any]], None]
URLValuePreprocessorCallable = Callable[["str | None", "dict[str, Any] | None"], None]

ErrorHandlerCallable = Callable[[Any], ResponseReturnValue] | Callable[[Any], Awaitable[ResponseReturnValue]]

RouteCallable = Callable[..., ResponseReturnValue] | Callable[..., Awaitable[ResponseReturnValue]]

#: A WSGI body: chunks of bytes, closed by the server if it has a ``close`` method (PEP 3333).
Body = Iterable[bytes]
