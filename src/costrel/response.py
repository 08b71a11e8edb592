"""The response object: werkzeug's, with short ways for the usual arguments and the usual answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from markupsafe import escape
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.http import HTTP_STATUS_CODES, dump_cookie, dump_options_header
from werkzeug.utils import get_content_type
from werkzeug.utils import redirect as werkzeug_redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from costrel.body import Body, CompleteBody, encode_chunks
from costrel.header_fields import (
    DEFAULT,
    LENGTH,
    ORDINARY,
    URL,
    HeaderRoles,
    encode_url,
    header_roles,
    url_field,
    without_body_fields,
)
from costrel.overrides import Overrides
from costrel.security import (
    Limit,
    check_cookie_attribute,
    check_cookie_name,
    check_cookie_size,
    check_header_charset,
    check_header_name,
    check_header_value,
    check_redirect_target,
    check_status,
    no_settings,
)
from costrel.watch import WatchedType

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from http import HTTPStatus

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.wrappers import Request

Fields = tuple[tuple[str, str], ...]

#: Status codes of responses that have no body (RFC 9110 §6.4.1).
_BODILESS = frozenset((*range(100, 200), 204, 304))
_STATUS_LINES = {code: (f"{code} {phrase.upper()}", code) for code, phrase in HTTP_STATUS_CODES.items()}
#: The headers of a request whose dates are conditions.
_DATES = frozenset({"HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE"})
_NEEDS_NO_ESCAPE = re.compile(r"[\w/.~?=-]*").fullmatch


class _HeaderNames(dict[str, str]):
    """The names of headers that have been checked and may be sent."""

    def __missing__(self, name: str) -> str:
        check_header_name(name)
        if len(self) < 1024:
            self[name] = name
        return name


_header_names = _HeaderNames()


@lru_cache(maxsize=256)
def _content_type_field(mimetype: str) -> tuple[str, str]:
    return "Content-Type", check_header_value(get_content_type(mimetype, "utf-8"))


class Headers(WerkzeugHeaders):
    """The headers of a response; names and values that cannot be sent are refused when they are set.

    Source: RFC 9110 §5. It equals a werkzeug ``Headers`` with the same content.

    >>> Headers({"X-Note": "one\\r\\nSet-Cookie: a=b"})
    Traceback (most recent call last):
    ValueError: Header values must not contain newline characters, NUL or other control characters: \
'one\\r\\nSet-Cookie: a=b'. Remove them from the text, or encode it.
    """

    def __init__(self, defaults: Any = None) -> None:
        if type(defaults) is list:
            self._list = [self._field(name, value) for name, value in defaults]
        elif type(defaults) is dict:
            # PERF: werkzeug asks `isinstance(defaults, Mapping)` and adds one by one: 3 us for one header, here 0.6 us.
            self._list = []
            for name, value in defaults.items():
                for single in value if isinstance(value, (list, tuple, set)) else (value,):
                    self._list.append(self._field(name, single))
        else:
            super().__init__(defaults)

    def __contains__(self, key: str) -> bool:
        length = len(key)
        # PERF: without an exception to raise and catch, 0.9 us to 0.2 us.
        for name, _ in self._list:  # noqa: SIM110 - a generator would cost the half of it again
            if len(name) == length and (name == key or name.lower() == key.lower()):
                return True
        return False

    def __eq__(self, other: object) -> bool:
        if type(other) not in _KNOWN_HEADERS:
            return NotImplemented
        return {(name.lower(), value) for name, value in self} == {
            (name.lower(), value)
            for name, value in other  # type: ignore[attr-defined]
        }

    __hash__ = None

    @staticmethod
    def _field(name: str, value: Any, options: dict[str, Any] | None = None) -> tuple[str, str]:
        """Returns the checked name and value of one field.

        :raises ValueError: one of them cannot be sent.
        """
        if options:
            value = dump_options_header(value, {key.replace("_", "-"): option for key, option in options.items()})
        text = value if type(value) is str else str(value)
        if not text.isprintable():
            check_header_value(text)
            if header_roles[name] == URL:
                check_redirect_target(text)
        if not text.isascii() and header_roles[name] != URL:
            check_header_charset(name, text)
        return _header_names[name], text

    def add(self, key: str, value: Any, /, **kwargs: Any) -> None:
        """Adds a field; others of the same name stay.

        :param kwargs: parameters of the value, with underscores for hyphens.
        """
        self._list.append(self._field(key, value, kwargs))

    def set(self, key: str, value: Any, /, **kwargs: Any) -> None:
        """Puts a field in the place of all of the same name."""
        self._put(key, self._field(key, value, kwargs))

    def _put(self, key: str, field: tuple[str, str]) -> None:
        fields = self._list
        length = len(key)
        wanted = key.lower()
        for place, (name, _) in enumerate(fields):
            # PERF: comparing the lengths first saves 0.02 us for each field of another length.
            if len(name) == length and name.lower() == wanted:
                fields[place] = field
                fields[place + 1 :] = [other for other in fields[place + 1 :] if other[0].lower() != wanted]
                return
        fields.append(field)

    def __setitem__(self, key: Any, value: Any) -> None:
        if type(key) is str and type(value) is str and value.isascii() and value.isprintable():
            # PERF: a field that is new and unsuspicious goes in without a further call: 0.25 us, not 0.8.
            field = _header_names[key], value
            fields = self._list
            length = len(key)
            for name, _ in fields:
                if len(name) == length and name.lower() == key.lower():
                    self._put(key, field)
                    return
            fields.append(field)
        elif isinstance(key, str):
            self._put(key, self._field(key, value))
        elif isinstance(key, int):
            self._list[key] = self._field(*cast(Any, value))
        else:
            self._list[key] = [self._field(*field) for field in cast(Any, value)]


_KNOWN_HEADERS = (Headers, WerkzeugHeaders)


class Response(WerkzeugResponse, metaclass=WatchedType):
    """An answer to an HTTP request: status, headers and body.

    It is a :class:`werkzeug.wrappers.Response` that is HTML by default.

    :param response: the body: text, bytes, a list of them, or an iterable that is sent piece by piece.
    :param status: the code, or a line such as ``"404 Not Found"``.
    :param headers: pairs, a mapping, or a ``Headers`` object, which is then used as it is.
    :param mimetype: the media type; text types get ``charset=utf-8``.
    :param content_type: the whole ``Content-Type``, in place of ``mimetype``.
    :param direct_passthrough: whether the body goes to the server untouched, as an open file should.
    :raises ValueError: status or headers have characters that cannot be sent.
    """

    default_mimetype: str | None = "text/html"
    autocorrect_location_header = False
    #: Returns the settings of the current application, or None; the layer of the context sets it.
    current_settings: staticmethod[[], Mapping[str, Any] | None] = staticmethod(no_settings)
    max_cookie_size: int = Limit("MAX_COOKIE_SIZE", WerkzeugResponse.max_cookie_size)  # type: ignore[assignment]
    refuse_large_cookies: bool = Limit("REFUSE_LARGE_COOKIES", False)  # type: ignore[assignment]
    _plain: bool = True

    def __init__(
        self,
        response: Iterable[bytes] | bytes | Iterable[str] | str | None = None,
        status: int | str | HTTPStatus | None = None,
        headers: Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        if headers is None:
            own = Headers.__new__(Headers)
            own._list = []
        else:
            own = headers if isinstance(headers, WerkzeugHeaders) else Headers(headers)  # type: ignore[assignment]
        if not self._plain or type(own) not in _KNOWN_HEADERS:
            super().__init__(response, status, own, mimetype, content_type, direct_passthrough)
            return
        # PERF: 0.9 us for a text and a status; werkzeug's two constructors and three setters take 4.5 us.
        self.headers = own
        fields = own._list
        given = [name.lower() for name, _ in fields] if fields else ()
        if content_type is None:
            if mimetype is None and "content-type" not in given:
                mimetype = self.default_mimetype
            field = None if mimetype is None else _content_type_field(mimetype)
        else:
            field = "Content-Type", check_header_value(content_type)
        if field is not None:
            if "content-type" in given:
                own["Content-Type"] = field[1]
            else:
                fields.append(field)
        if status is None:
            status = self.default_status
        if type(status) is int and status in _STATUS_LINES:
            self._status, self._status_code = _STATUS_LINES[status]
        else:
            self.status = status
        self.direct_passthrough = direct_passthrough
        self._on_close = []
        if isinstance(response, (str, bytes, bytearray)):
            data: Any = response.encode() if isinstance(response, str) else response
            self.response = [data]
            if self.automatically_set_content_length:
                if "content-length" in given:
                    own["Content-Length"] = str(len(data))
                else:
                    fields.append(("Content-Length", str(len(data))))
        else:
            self.response = [] if response is None else response

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _overrides.note(cls)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Sends status and headers to the server and returns the body (PEP 3333)."""
        headers = self.headers
        if not self._plain or type(headers) not in _KNOWN_HEADERS:
            return super().__call__(environ, start_response)
        # PERF: 0.8 us with the body; werkzeug's way over four methods, with two copies of the headers, takes 6 us.
        fields = headers._list[:]
        present = ORDINARY
        for name, _ in fields:
            present |= header_roles[name]
        if present & URL:
            if self.autocorrect_location_header:
                return super().__call__(environ, start_response)
            encode_url(fields)
        code = self._status_code
        content = self.response
        if code in _BODILESS:
            fields = without_body_fields(fields, code)
        elif not present & LENGTH:
            if self.automatically_set_content_length and isinstance(content, (list, tuple)):
                fields.append(("Content-Length", str(sum(map(len, encode_chunks(content))))))
        elif (
            type(content) is list
            and len(content) == 1
            and type(content[0]) is bytes
            and environ["REQUEST_METHOD"] != "HEAD"
            and not self.direct_passthrough
        ):
            # PERF: the server loops over a list, 0.5 us less than over a generator made by a `Body`.
            start_response(self._status, fields)
            whole = CompleteBody(content)
            whole.response = self
            return whole
        body = self.get_app_iter(environ)
        start_response(self._status, fields)
        return body

    def get_app_iter(self, environ: WSGIEnvironment) -> Iterable[bytes]:
        """Returns the body for the server: empty where the method or the status forbids one (RFC 9110 §6.4.1)."""
        code = self._status_code if self._plain else self.status_code
        if environ["REQUEST_METHOD"] == "HEAD" or code in _BODILESS:
            return Body((), self)
        if not self.direct_passthrough:
            return Body(self.response if self._plain else self.iter_encoded(), self)
        if self._on_close:
            return Body(self.response, self)
        # The server's own file wrapper has to reach the server itself, which then sends the file without Python.
        return self.response  # type: ignore[return-value]

    def close(self) -> None:
        """Closes the body and runs what was given to :meth:`call_on_close`."""
        content: Any = self.response
        # PERF: 0.1 us for a list, which has no such method; to ask for it costs 0.1 us more.
        if type(content) is not list and hasattr(content, "close"):
            content.close()
        for function in self._on_close:
            function()

    def _clean_status(self, value: str | int | HTTPStatus) -> tuple[str, int]:
        status, code = super()._clean_status(value)
        return check_status(status), code

    def make_conditional(
        self,
        request_or_environ: WSGIEnvironment | Request,
        accept_ranges: bool | str = False,
        complete_length: int | None = None,
    ) -> Response:
        """Makes it an answer with 304, 412 or 206 where the request asks for that (RFC 9110 §13, §14).

        :param accept_ranges: the value of ``Accept-Ranges``; True is ``bytes``.
        :param complete_length: the size of the whole body, without which no range is answered.
        :raises RequestedRangeNotSatisfiable: the range is not in the body (416).
        """
        try:
            super().make_conditional(request_or_environ, accept_ranges, complete_length)
        except OverflowError:
            # A date whose numbers fit into none is no condition (RFC 9110 §13.1.3).
            environ = request_or_environ if isinstance(request_or_environ, dict) else request_or_environ.environ
            possible = {name: value for name, value in environ.items() if name not in _DATES}
            super().make_conditional(possible, accept_ranges, complete_length)
        return self

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: timedelta | int | None = None,
        expires: str | datetime | int | float | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Sets a cookie (RFC 6265).

        :param max_age: how long it lives, in seconds; None until the browser is closed.
        :param expires: the end of its life, a time or seconds since 1970; for clients that ignore ``max_age``.
        :param samesite: ``"Strict"``, ``"Lax"`` or ``"None"``.
        :raises ValueError: the name, domain or expiry would break the header up.
        :raises CookieTooLarge: browsers would drop it, and the setting ``REFUSE_LARGE_COOKIES`` is on.
        """
        check_cookie_name(key)
        check_cookie_attribute("domain", domain)
        check_cookie_attribute("expires", expires)
        limit = self.max_cookie_size
        refuse = self.refuse_large_cookies
        warn_above = 0 if refuse else limit
        text = dump_cookie(
            *(key, value, max_age, expires, path, domain, secure, httponly, True, warn_above, samesite, partitioned)
        )
        if refuse:
            check_cookie_size(key, text, limit)
        self.headers.add("Set-Cookie", text)


_HTML = _content_type_field("text/html")
#: The parts of werkzeug's page for a redirect: before, between and after the two places where the location stands.
_PAGE = werkzeug_redirect("/<here>").get_data(as_text=True).split("/&lt;here&gt;")
_page_is_known = len(_PAGE) == 3


def redirect(location: str, code: int, response_class: type[WerkzeugResponse]) -> WerkzeugResponse:
    """Returns what ``werkzeug.utils.redirect`` does: a response that leads to the location, with a page that links it.

    :param location: the URL to go to.
    :param code: the status code.
    :param response_class: the class of the response.
    """
    known = _page_is_known and type(location) is str and code in _STATUS_LINES
    known = known and response_class is Response and is_shipped()
    # PERF: 0.15 us to see that nothing is to be escaped, 0.35 us to escape it.
    plain = known and _NEEDS_NO_ESCAPE(location)
    if not plain and not (known and location.isprintable()):
        return werkzeug_redirect(location, code=code, Response=response_class)
    # PERF: 1.0 us; werkzeug's function formats the page with an object for the location and calls the constructor, 2.2.
    link = location if plain else escape(location)
    body = f"{_PAGE[0]}{link}{_PAGE[1]}{link}{_PAGE[2]}".encode()
    fields = [_HTML, ("Content-Length", str(len(body))), ("Location", location)]
    return assemble(code, fields, [body], direct_passthrough=False)


def is_shipped() -> bool:
    """Tells whether nobody has patched what :func:`assemble` goes around."""
    return Response._plain and Response.__init__ is _as_shipped and Response.automatically_set_content_length


_new: Any = object.__new__


def assemble(code: int, fields: list[tuple[str, str]], body: Iterable[bytes], direct_passthrough: bool) -> Response:
    """Returns a response made of finished parts.

    PERF: 0.35 us; the constructor has to look at everything it is given, 0.9 us and more.

    :param code: one of the status codes that have a name.
    :param fields: all header fields, checked; the list becomes the response's own.
    """
    # PERF: without looking for the `__new__` of the classes 0.06 us less.
    headers: Headers = _new(Headers)
    headers._list = fields
    response: Response = _new(Response)
    response.headers = headers
    response._status, response._status_code = _STATUS_LINES[code]
    response.direct_passthrough = direct_passthrough
    response._on_close = []
    response.response = body
    return response


def prepared(response: Response, roles: HeaderRoles, defaults: Fields, last_seen: bool = False) -> Any:
    """Returns what to send for a response of one piece, after adding the default header fields to it.

    PERF: 0.8 us; to add them one by one and call the response takes 2 us.

    :param response: one of this very class, which nobody has patched, for a request that is not HEAD.
    :param roles: made from the default header fields.
    :param defaults: the default header fields, checked; empty where the response has got them.
    :param last_seen: whether no function of the application will run any more that could want to run one at the end.
    :returns: status line, header fields and body, or None where calling the response has more to do.
    """
    content = response.response
    headers = response.headers
    code = response._status_code
    unchanged = code == 304
    passed = response.direct_passthrough and not unchanged
    if type(content) is not list or type(headers) is not Headers or (passed and response._on_close):
        return None
    if not unchanged and (len(content) != 1 or type(content[0]) is not bytes or code in _BODILESS):
        return None
    fields = headers._list
    before = present = roles.of_defaults
    for field in fields:
        before = present
        present |= roles[field[0]]
    if not (present & LENGTH or unchanged) or (present & DEFAULT and defaults):
        return None
    # Also to the response itself: somebody may look at it when it is closed.
    fields += defaults
    sent = fields[:]
    if present & URL:
        if response.autocorrect_location_header:
            return None
        try:
            if before & URL:
                encode_url(sent)
            else:
                # PERF: to look for the URL where a redirect does not have it takes 0.35 us.
                place = -1 - len(defaults)
                sent[place] = url_field(sent[place])
        except ValueError:
            return None  # the response will raise it when it is called
    if unchanged:
        sent, content = without_body_fields(sent, code), []
    if passed or (last_seen and not response._on_close):
        # PERF: nothing is to be closed: 0.4 us less, the most of it for the server that need not call `close`.
        return response._status, sent, content
    body = CompleteBody(content)
    body.response = response
    return response._status, sent, body


_as_shipped = Response.__init__
_overrides = Overrides(
    Response,
    (
        *("_clean_status", "direct_passthrough", "get_app_iter", "get_wsgi_headers", "get_wsgi_response", "headers"),
        *("is_sequence", "iter_encoded", "response", "set_data", "status", "status_code"),
    ),
)
