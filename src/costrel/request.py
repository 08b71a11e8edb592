"""The request object: werkzeug's, made from the environ without reading anything before it is asked for."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, Literal, cast, overload

from werkzeug.datastructures import Authorization, IfRange, LanguageAccept
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser as WerkzeugFormDataParser
from werkzeug.sansio.utils import get_content_length
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wsgi import get_input_stream

from costrel.fields import (
    SHORT_QUERY,
    BoundedStream,
    FormDataParser,
    ImmutableMultiDict,
    check_boundary,
    check_query,
    make_form_data_parser,
    parse_cookies,
    parse_fields,
    parse_plain_cookies,
    possible_date,
    read_at_once,
    store_fields,
)
from costrel.json_limits import JSON_LIMITS, load_json
from costrel.lazy import lazy
from costrel.overrides import Overrides
from costrel.request_form import FORM_LIMITS, check_form, read_multipart, read_urlencoded
from costrel.request_parts import ENVIRON_HEADERS, READERS, make_headers, read_method, read_path
from costrel.request_url import current_url, decode_path, quick_url
from costrel.security import DEFAULT_LIMITS, Limit, no_settings, validate_host
from costrel.watch import WatchedType

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import FileStorage, Headers, MultiDict

    from costrel.routing import Rule


#: How many languages of an ``Accept-Language`` count; browsers send a dozen.
MAX_LANGUAGES = 1_000


def _limit(setting: str) -> Any:
    return Limit(setting, DEFAULT_LIMITS[setting])


class Request(WerkzeugRequest, metaclass=WatchedType):
    """An incoming HTTP request.

    It is a :class:`werkzeug.wrappers.Request` whose attributes are computed when they are first read, and can be
    set. Nothing is stored in the environ.

    :param environ: the WSGI environ (PEP 3333).
    :param populate_request: accepted for werkzeug's sake; the request is never put into the environ, because the
        reference cycle would keep both alive until the garbage collector runs.
    :param shallow: whether reading the body is to be an error, as a middleware may want it.
    """

    #: What ``get_json`` calls ``loads`` of; a request of an application has the application's JSON provider.
    json_module: Any
    #: The rule that matched, with its endpoint and methods; None where none did.
    url_rule: Rule | None = None
    #: The arguments for the view, from the URL; None where no rule matched.
    view_args: dict[str, Any] | None = None
    #: What went wrong in matching the URL, such as ``NotFound``; raised when the request is dispatched.
    routing_exception: HTTPException | None = None
    #: Returns the settings of the current application, or None; the layer of the context sets it.
    current_settings: staticmethod[[], Mapping[str, Any] | None] = staticmethod(no_settings)
    form_data_parser_class: type[WerkzeugFormDataParser] = FormDataParser
    make_form_data_parser = make_form_data_parser  # pyright: ignore[reportAssignmentType]
    parameter_storage_class: type[MultiDict[str, Any]] = ImmutableMultiDict
    dict_storage_class: type[MultiDict[str, Any]] = ImmutableMultiDict
    shallow: bool = False
    _plain: bool = True
    #: Whether the functions of ``costrel.request_parts`` may be asked in place of an object of this class.
    _reads_early: bool = True
    _body_read: bool = False
    #: Whether a form has broken off, of which nothing is to be had by looking again.
    _body_lost: bool = False
    max_content_length: int | None = Limit("MAX_CONTENT_LENGTH", None)  # type: ignore[assignment]
    max_form_memory_size: int | None = _limit("MAX_FORM_MEMORY_SIZE")
    max_form_parts: int | None = _limit("MAX_FORM_PARTS")  # type: ignore[assignment]
    max_json_depth: int | None = _limit("MAX_JSON_DEPTH")
    max_json_integer_digits: int | None = _limit("MAX_JSON_INTEGER_DIGITS")
    max_query_fields: int | None = _limit("MAX_QUERY_FIELDS")
    limit_urlencoded_forms: bool = Limit("LIMIT_URLENCODED_FORMS", True)  # type: ignore[assignment]
    refuse_nameless_parts: bool = Limit("REFUSE_NAMELESS_PARTS", True)  # type: ignore[assignment]

    def __init__(self, environ: WSGIEnvironment, populate_request: bool = True, shallow: bool = False) -> None:
        # PERF: 0.15 us; werkzeug's constructor computes eight attributes in 5 us.
        self.environ = environ
        if shallow:
            self.shallow = shallow

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _overrides.note(cls)
        _early_overrides.note(cls)

    # What werkzeug computes in its constructor.

    @lazy
    def method(self) -> str:
        """The method, such as ``GET``, in capitals."""
        return read_method(self.environ)

    @lazy
    def scheme(self) -> str:
        """The scheme of the URL, such as ``https``."""
        return cast("str", self.environ.get("wsgi.url_scheme", "http"))

    @lazy
    def server(self) -> tuple[str, int | None] | None:
        """The server's host and port; path and None for a Unix socket; None where it is not known."""
        name = self.environ.get("SERVER_NAME")
        if name is None:
            return None
        try:
            return name, int(self.environ["SERVER_PORT"])
        except (KeyError, TypeError, ValueError):
            return name, None

    @lazy
    def root_path(self) -> str:
        """The path under which the application is mounted, without a slash at the end."""
        return decode_path(self.environ.get("SCRIPT_NAME") or "").rstrip("/")

    @lazy
    def path(self) -> str:
        """The path below the root path, which is matched against the rules."""
        return read_path(self.environ)

    @lazy
    def query_string(self) -> bytes:
        """The part of the URL after the question mark, as it was sent."""
        return cast("str", self.environ.get("QUERY_STRING", "")).encode("latin1")

    @lazy
    def headers(self) -> Headers:
        """The headers of the request, a view of the environ."""
        return make_headers(self.environ)

    @lazy
    def remote_addr(self) -> str | None:
        """The address of the client that the server is connected to."""
        return cast("str | None", self.environ.get("REMOTE_ADDR"))

    # The URL and the headers.

    @lazy
    def args(self) -> MultiDict[str, str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The fields of the query string.

        :raises BadRequest: the query string has raw bytes that are not UTF-8, or too many fields.
        """
        try:
            raw = self._plain and "query_string" not in vars(self)
            text: str = self.environ.get("QUERY_STRING", "") if raw else self.query_string.decode()
            if raw and not text.isascii():
                text = text.encode("latin1").decode()
        except UnicodeDecodeError as error:
            raise BadRequest(
                f"The query string is not UTF-8 at byte {error.start}: it has to be percent-encoded."
            ) from error
        if len(text) > SHORT_QUERY:
            check_query(text, self.max_query_fields)
        fields: MultiDict[str, str] = store_fields(self.parameter_storage_class, parse_fields(text))
        return fields

    @lazy
    def host(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The host and port that the request was made to, without the scheme's standard port.

        :raises SecurityError: it is not one of ``trusted_hosts``, else of the setting ``TRUSTED_HOSTS``; or it is not
            the name of a host, and the setting ``CHECK_HOST`` is on (400).
        """
        trusted_hosts = self.trusted_hosts
        settings = self.current_settings() or {}
        if trusted_hosts is None:
            trusted_hosts = settings.get("TRUSTED_HOSTS")
        header = self.environ.get("HTTP_HOST") if self._reads_environ() else self.headers.get("host")
        server = self.server if header is None else None
        return validate_host(self.scheme, header, server, trusted_hosts, bool(settings.get("CHECK_HOST")))

    @lazy
    def url(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The whole URL of the request, for people: decoded where that can be read back."""
        return quick_url(self) or current_url(self.scheme, self.host, self.root_path, self.path, self.query_string)

    @lazy
    def base_url(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The URL of the request without its query."""
        return current_url(self.scheme, self.host, self.root_path, self.path)

    @lazy
    def root_url(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The URL below which the application is."""
        return current_url(self.scheme, self.host, self.root_path)

    @lazy
    def host_url(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The URL of the request without path and query."""
        return current_url(self.scheme, self.host)

    @lazy
    def cookies(self) -> ImmutableMultiDict[str, str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The cookies that the client sent."""
        if self._reads_environ():
            text: str = self.environ.get("HTTP_COOKIE", "")
        else:
            text = ";".join(self.headers.getlist("Cookie"))
        found = parse_cookies(text) if '"' in text else parse_plain_cookies(text)
        cookies: ImmutableMultiDict[str, str] = store_fields(self.dict_storage_class, found)
        return cookies

    @lazy
    def content_length(self) -> int | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The size of the body in bytes; None where it is not known beforehand."""
        if self._reads_environ() and "HTTP_TRANSFER_ENCODING" not in self.environ:
            text = self.environ.get("CONTENT_LENGTH")
            if text is None:
                return None
            if len(text) < 19 and text.isascii() and text.isdigit():
                return int(text)
        return get_content_length(self.headers.get("Content-Length"), self.headers.get("Transfer-Encoding"))

    @property
    def mimetype(self) -> str:
        """The media type of the body in lower case, without its parameters."""
        if self._reads_environ() and "_parsed_content_type" not in self.__dict__:
            text: str = self.environ.get("CONTENT_TYPE", "")
            return text.partition(";")[0].strip(" \t").lower()
        return super().mimetype

    @property
    def is_json(self) -> bool:
        """Whether the media type is JSON, ``application/json`` or one that ends with ``+json``."""
        return self._has_content_type("application/json") or super().is_json

    def _has_content_type(self, expected: str) -> bool:
        """Tells whether the header is this very text, and the media type not replaced by a subclass."""
        return self._reads_environ() and self.environ.get("CONTENT_TYPE") == expected

    def _reads_environ(self) -> bool:
        """Tells whether the headers are those of the environ, because neither class nor user replaced them."""
        if not self._plain:
            return False
        headers = self.__dict__.get("headers")
        return headers is None or (type(headers) in ENVIRON_HEADERS and headers.environ is self.environ)

    @lazy
    def authorization(self) -> Authorization | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The ``Authorization`` header, taken apart; None where there is none, or where it is malformed."""
        try:
            return Authorization.from_header(self.headers.get("Authorization"))
        except ValueError:  # werkzeug's error for credentials that are not ASCII
            return None

    date = possible_date(WerkzeugRequest.date)  # pyright: ignore[reportAssignmentType]
    if_modified_since = possible_date(WerkzeugRequest.if_modified_since)  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    if_unmodified_since = possible_date(WerkzeugRequest.if_unmodified_since)  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    if_range = possible_date(WerkzeugRequest.if_range, IfRange)  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    @lazy
    def accept_languages(self) -> LanguageAccept:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The languages that the client accepts, best first: of more than a thousand those that it likes best.

        A choice among them takes as long as the list is: 65 ms for a header of 64 kB.
        """
        found = super().accept_languages
        return LanguageAccept(found[:MAX_LANGUAGES]) if len(found) > MAX_LANGUAGES else found

    # What the rule says.

    @property
    def endpoint(self) -> str | None:
        """The endpoint of the rule that matched; None where none did."""
        rule = self.url_rule
        return None if rule is None else rule.endpoint

    @property
    def blueprint(self) -> str | None:
        """The name under which the blueprint of the endpoint was registered; None for an endpoint of the app."""
        endpoint = self.endpoint
        if endpoint is None or "." not in endpoint:
            return None
        return endpoint.rpartition(".")[0]

    @property
    def blueprints(self) -> list[str]:
        """The name of the blueprint, then those of the blueprints around it, outwards."""
        names = []
        name = self.blueprint or ""
        while name:
            names.append(name)
            name = name.rpartition(".")[0]
        return names

    # The body.

    @lazy
    def stream(self) -> IO[bytes]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The body as a stream that can be read once, within the limits.

        :raises RequestEntityTooLarge: the body is longer than ``max_content_length`` (413); when it is read, if its
            length is not known before.
        :raises RuntimeError: the request is shallow.
        """
        if self.shallow:
            raise RuntimeError(
                "The body of this request cannot be read: it was made with shallow=True."
                " Make the request without it where the body is needed."
            )
        if self._body_read:
            check_form(self)
            return io.BytesIO()
        limit = self.max_content_length
        if limit is not None and "wsgi.input_terminated" in self.environ:
            length = get_content_length(self.environ.get("CONTENT_LENGTH"), self.environ.get("HTTP_TRANSFER_ENCODING"))
            if length is not None and length > limit:
                raise RequestEntityTooLarge()
            return BoundedStream(self.environ["wsgi.input"], limit)  # type: ignore[return-value]
        return get_input_stream(self.environ, max_content_length=limit)

    def _read_at_once(self) -> bytes | None:
        """Reads the body in one call; returns None where it is long, of unknown length, or read by somebody else."""
        if self._body_read or self.shallow or "stream" in self.__dict__:
            return None
        data = read_at_once(self.environ, self.max_content_length)
        self._body_read = data is not None
        return data

    @overload
    def get_data(  # pyright: ignore[reportOverlappingOverload]
        self, cache: bool = ..., as_text: Literal[False] = ..., parse_form_data: bool = ...
    ) -> bytes: ...

    @overload
    def get_data(self, cache: bool = ..., as_text: Literal[True] = ..., parse_form_data: bool = ...) -> str: ...

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> bytes | str:
        """Returns the whole body.

        :param cache: whether to keep the bytes for later calls, and for the form.
        :param as_text: whether to decode it as UTF-8, with replacement characters for what is not.
        :param parse_form_data: whether a form body is to be parsed first; it then is in ``form`` and not returned.
        """
        data: bytes | None = self.__dict__.get("_cached_data")
        if data is None:
            if parse_form_data:
                self._load_form_data()
            if self._plain:
                data = self._read_at_once()
            if data is None:
                data = self.stream.read()
            if cache:
                self._cached_data = data
        return data.decode(errors="replace") if as_text else data

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        """Opens the file that an upload is written to, and keeps it for ``close``, even if the form is refused."""
        stream = super()._get_file_stream(*args, **kwargs)
        vars(self).setdefault("_uploads", []).append(stream)
        return stream

    def close(self) -> None:
        """Closes the uploaded files."""
        super().close()
        for stream in vars(self).pop("_uploads", ()):
            stream.close()

    @lazy
    def form(self) -> ImmutableMultiDict[str, str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The fields of a form body, without the files."""
        self._load_form_data()
        fields: ImmutableMultiDict[str, str] = self.__dict__["form"]
        return fields

    @lazy
    def files(self) -> ImmutableMultiDict[str, FileStorage]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The files of a ``multipart/form-data`` body."""
        self._load_form_data()
        state = vars(self)
        if "files" not in state:
            state["files"] = self.parameter_storage_class()
            _explain_missing_files(self)
        return cast("ImmutableMultiDict[str, FileStorage]", state["files"])

    def _load_form_data(self) -> None:
        """Parses a form body into ``form`` and ``files``, once."""
        if "form" in self.__dict__:
            return
        check_form(self)
        if self._plain and (read_urlencoded(self) or read_multipart(self)):
            return
        check_boundary(self.headers.get("Content-Type", ""))
        super()._load_form_data()
        _explain_missing_files(self)

    # JSON.

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Returns the body parsed as JSON.

        :param force: whether to parse it whatever its media type is.
        :param silent: whether to return None rather than raise, where it is not JSON.
        :param cache: whether to keep the result for later calls.
        :raises UnsupportedMediaType: the media type is not JSON (415).
        :raises BadRequest: the body is not JSON, or exceeds a limit (400); in debug mode the description says where.
        """
        if cache and self._cached_json[silent] is not ...:
            return self._cached_json[silent]
        if not (force or self.is_json):
            return None if silent else self.on_json_loading_failed(None)
        data = self.get_data(cache=cache)
        try:
            value = load_json(self, data)
        except ValueError as error:
            return self._json_failed(error, silent, cache)
        if cache:
            self._cached_json = (value, value)
        return value

    def _json_failed(self, error: ValueError, silent: bool, cache: bool) -> Any:
        """Returns what ``get_json`` returns for a body that is not JSON, and keeps it for the same kind of call."""
        value = None if silent else self.on_json_loading_failed(error)
        if cache:
            loud, quiet = self._cached_json
            self._cached_json = (loud, value) if silent else (value, quiet)
        return value

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Raises the error for a body that is not JSON; a subclass may return a value for it instead.

        :param e: what the parser says; None where the media type is not JSON.
        """
        try:
            return super().on_json_loading_failed(e)
        except BadRequest as error:
            if _in_debug_mode(self):
                raise
            raise BadRequest() from error


def _explain_missing_files(request: Request) -> None:
    """In debug mode, prepares ``files`` to say that the form's encoding is wrong where that is so."""
    if _in_debug_mode(request) and request.mimetype != "multipart/form-data" and not request.files:
        # Start-up: for a mistake that shows in debug mode only.
        from costrel.diagnostics import explain_missing_files

        explain_missing_files(request)


def _in_debug_mode(request: Request) -> bool:
    """Tells whether the current application, if there is one, is in debug mode."""
    settings = request.current_settings()
    return settings is not None and bool(settings.get("DEBUG"))


_names = (
    *("_get_stream_for_parsing", "_parse_content_type", "content_length", "get_data", "headers"),
    *FORM_LIMITS,
    *JSON_LIMITS,
    *("make_form_data_parser", "mimetype", "mimetype_params", "query_string", "stream", "want_form_data_parsed"),
)
_overrides = Overrides(Request, _names)
_early_names = (
    *_names,
    *READERS,
    *("__getattribute__", "__init__", "__new__", "__setattr__", "_load_form_data"),
    *("dict_storage_class", "environ", "form_data_parser_class", "max_query_fields", "parameter_storage_class"),
    "shallow",
)
_early_overrides = Overrides(Request, _early_names, "_reads_early")
