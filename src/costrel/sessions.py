"""The session of a visitor: a dict that travels in a signed cookie, or wherever a ``SessionInterface`` keeps it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Protocol

from costrel.cookies import cookie_text
from costrel.response import Response
from costrel.security import CookieTooLarge
from costrel.serialize import JSONProvider
from costrel.session_data import NullSession as NullSession
from costrel.session_data import SecureCookieSession as SecureCookieSession
from costrel.session_data import SessionMixin as SessionMixin
from costrel.signing import NEW_KEY, TextSigner, secret_keys
from costrel.tags import TaggedJSONSerializer
from costrel.watch import WatchedType

if TYPE_CHECKING:
    from itsdangerous import URLSafeTimedSerializer

    from costrel.request import Request

_logger = logging.getLogger(__name__)


class SessionApp(Protocol):
    """The part of an app that sessions use."""

    @property
    def config(self) -> Mapping[str, Any]: ...

    @property
    def secret_key(self) -> str | bytes | None: ...

    @property
    def permanent_session_lifetime(self) -> timedelta: ...

    @property
    def debug(self) -> bool: ...

    @property
    def json(self) -> JSONProvider: ...


class SessionInterface(metaclass=WatchedType):
    """Opens a session before the view and saves it after; subclass it to keep sessions elsewhere.

    ``open_session`` and ``save_session`` are to be written, the other methods tell the settings. Assign an instance to
    ``app.session_interface``. Requests of one visitor may run at the same time and end in any order.
    """

    #: What ``make_null_session`` makes and ``is_null_session`` looks for.
    null_session_class: type[NullSession] = NullSession

    #: Whether sessions are pickled, so that extensions know what can be put in.
    pickle_based = False

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if type(self) is SecureCookieSessionInterface:
            # Requests take a short way only while nothing of the default interface is replaced.
            WatchedType.announce()

    def make_null_session(self, app: SessionApp) -> NullSession:
        """Returns the session to use where ``open_session`` returned None."""
        return self.null_session_class()

    def is_null_session(self, obj: object) -> bool:
        """Tells whether this is a session that is not to be saved."""
        return isinstance(obj, self.null_session_class)

    def get_cookie_name(self, app: SessionApp) -> str:
        """Returns the cookie's name, ``SESSION_COOKIE_NAME``, with the prefix ``__Host-`` where it can have that.

        Browsers accept such a cookie only from this very host, over TLS: no other subdomain, and nobody on the way, can
        plant one. See ``SESSION_COOKIE_HOST_PREFIX``.
        """
        config = app.config
        name: str = config["SESSION_COOKIE_NAME"]
        if config["SESSION_COOKIE_SECURE"] is not True or not config.get("SESSION_COOKIE_HOST_PREFIX") or app.debug:
            return name
        allowed = self.get_cookie_domain(app) is None and self.get_cookie_path(app) == "/"
        return f"__Host-{name}" if allowed and not name.startswith("__") else name

    def get_cookie_domain(self, app: SessionApp) -> str | None:
        """Returns the domain to whose subdomains the cookie is sent too, ``SESSION_COOKIE_DOMAIN``.

        None: the browser sends it to the very host that it came from and no other.
        """
        domain: str | None = app.config["SESSION_COOKIE_DOMAIN"]
        return domain

    def get_cookie_path(self, app: SessionApp) -> str:
        """Returns the path below which the cookie is sent, ``SESSION_COOKIE_PATH`` or else ``APPLICATION_ROOT``."""
        path: str = app.config["SESSION_COOKIE_PATH"] or app.config["APPLICATION_ROOT"]
        return path

    def get_cookie_httponly(self, app: SessionApp) -> bool:
        """Tells whether scripts in a page cannot read the cookie, ``SESSION_COOKIE_HTTPONLY``."""
        httponly: bool = app.config["SESSION_COOKIE_HTTPONLY"]
        return httponly

    def get_cookie_secure(self, app: SessionApp) -> bool | None:
        """Tells whether the browser sends the cookie over TLS only, ``SESSION_COOKIE_SECURE``.

        None: as ``session.secure_transport`` has it, outside debug mode.
        """
        secure: bool | None = app.config["SESSION_COOKIE_SECURE"]
        return secure

    def get_cookie_samesite(self, app: SessionApp) -> str | None:
        """Returns ``"Strict"``, ``"Lax"``, ``"None"`` or None, ``SESSION_COOKIE_SAMESITE``."""
        samesite: str | None = app.config["SESSION_COOKIE_SAMESITE"]
        return samesite

    def get_cookie_partitioned(self, app: SessionApp) -> bool:
        """Tells whether the browser keeps one cookie for each embedding site, ``SESSION_COOKIE_PARTITIONED``."""
        partitioned: bool = app.config["SESSION_COOKIE_PARTITIONED"]
        return partitioned

    def get_expiration_time(self, app: SessionApp, session: SessionMixin) -> datetime | None:
        """Returns when a permanent session ends, ``PERMANENT_SESSION_LIFETIME`` from now; None for any other."""
        return datetime.now(timezone.utc) + app.permanent_session_lifetime if session.permanent else None

    def should_set_cookie(self, app: SessionApp, session: SessionMixin) -> bool:
        """Tells whether the answer is to set the cookie: the session was changed, or is permanent.

        A permanent one that was not changed is left alone where ``SESSION_REFRESH_EACH_REQUEST`` is False.
        """
        return session.modified or (session.permanent and bool(app.config["SESSION_REFRESH_EACH_REQUEST"]))

    def open_session(self, app: SessionApp, request: Request) -> SessionMixin | None:
        """Returns the session of a request, a new one where it brings none.

        :returns: None where there cannot be a session; the request then gets that of ``make_null_session``.
        """
        raise NotImplementedError

    def save_session(self, app: SessionApp, session: SessionMixin, response: Response) -> None:
        """Saves the session and sets what headers it needs; not called for a null session."""
        raise NotImplementedError


session_json_serializer = TaggedJSONSerializer()


def _lazy_sha1(string: bytes = b"") -> Any:
    """Returns a SHA-1 hash. Python builds under FIPS may have none, so its name is looked up when it is called."""
    return hashlib.sha1(string)


#: Digests for which signing is done here; itsdangerous does the others.
_quick_digests = frozenset({_lazy_sha1, hashlib.sha256, hashlib.sha384, hashlib.sha512})


#: What signs with each combination of keys and other settings in use.
_signers: dict[tuple[Any, ...], TextSigner] = {}


class SecureCookieSessionInterface(SessionInterface):
    """Keeps the session in a cookie that the visitor can read but not change: it is signed with the secret key.

    The format is that of itsdangerous and Flask, so both can read each other's cookies.
    """

    #: Sets the session's signatures apart from others under the same secret key.
    salt: str | bytes = "cookie-session"

    #: The hash for the signature. In an HMAC, SHA-1 is still safe (RFC 6194 §3.3).
    digest_method: Callable[..., Any] = staticmethod(_lazy_sha1)

    #: How the key is derived from secret key and salt: a name that ``itsdangerous.Signer`` knows.
    key_derivation: str = "hmac"

    #: Turns the session into text or bytes and back, by ``dumps`` and ``loads``.
    serializer: Any = session_json_serializer

    session_class: type[SecureCookieSession] = SecureCookieSession

    #: The least length in bytes of a secret key or of a fallback.
    shortest_secret_key: int = 1

    def get_signing_serializer(self, app: SessionApp) -> URLSafeTimedSerializer | None:
        """Returns what signs and reads cookies, None without a secret key.

        :raises TypeError: a key is neither str nor bytes.
        :raises ValueError: a key is too short.
        """
        keys = self._secret_keys(app)
        if keys is None:
            return None
        # Imported here to save start-up time, 4 ms: with common settings costrel.signing does the work.
        from itsdangerous import URLSafeTimedSerializer

        return URLSafeTimedSerializer(
            keys,
            salt=self.salt,
            serializer=self.serializer,
            signer_kwargs={"key_derivation": self.key_derivation, "digest_method": self.digest_method},
        )

    def open_session(self, app: SessionApp, request: Request) -> SecureCookieSession | None:
        """Returns the session in the request's cookie; an empty one where it has none or one that cannot be trusted."""
        signer = self._text_signer(app) or self.get_signing_serializer(app)
        if signer is None:
            return None
        session = None
        cookie = request.cookies.get(self.get_cookie_name(app))
        if cookie:
            max_age = int(app.permanent_session_lifetime.total_seconds())
            if isinstance(signer, TextSigner):
                session = self._read(app, signer.unsign(cookie, max_age))
            else:
                session = self._read_signed(signer, cookie, max_age)
        if session is None:
            session = self.session_class()
        if app.config["SESSION_COOKIE_SECURE"] is None and request.is_secure:
            session.secure_transport = True
        return session

    def save_session(self, app: SessionApp, session: SessionMixin, response: Response) -> None:
        """Sets the cookie where the session was changed or is to be refreshed, deletes it where it is empty now."""
        varies = session.accessed
        if varies:
            _vary_by_cookie(response)
        if session:
            if not self.should_set_cookie(app, session):
                return
            expires = self.get_expiration_time(app, session)
            value = self._sign(app, dict(session))
            try:
                self._set_cookie(response, value, expires, self._cookie_settings(app, session))
            except CookieTooLarge as error:
                raise CookieTooLarge(f"{error} {self._explain_size(session)}") from None
        elif session.modified:
            response.delete_cookie(**self._cookie_settings(app, session))
        else:
            return
        if not varies:
            _vary_by_cookie(response)

    def _explain_size(self, session: SessionMixin) -> str:
        """Returns a sentence that names the largest item of a session."""
        sizes = {key: len(str(self.serializer.dumps({str(key): value}))) for key, value in session.items()}
        key = max(sizes, key=lambda name: sizes[name])
        return f"session[{key!r}] has {sizes[key]} bytes; keep it in a database, and its number in the session."

    def _cookie_settings(self, app: SessionApp, session: SessionMixin) -> dict[str, Any]:
        secure = self.get_cookie_secure(app)
        if secure is None:
            secure = session.secure_transport and not app.debug
        return {
            "key": self.get_cookie_name(app),
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": secure,
            "httponly": self.get_cookie_httponly(app),
            "samesite": self.get_cookie_samesite(app),
            "partitioned": self.get_cookie_partitioned(app),
        }

    def _set_cookie(self, response: Response, value: str, expires: datetime | None, settings: dict[str, Any]) -> None:
        """Does what ``response.set_cookie`` does."""
        if type(response).set_cookie is _set_cookie and "set_cookie" not in response.__dict__:
            # PERF: 1.5 us, by way of response.set_cookie 4.5; with an expiry date 2.5 and 7.
            text = cookie_text(value, expires, settings)
            limit = response.max_cookie_size
            if not limit or len(text) <= limit:
                response.headers.add("Set-Cookie", text)
                return
        response.set_cookie(value=value, expires=expires, **settings)

    def fields(self, app: SessionApp, session: SessionMixin) -> list[tuple[str, str]] | None:
        """Returns the headers that ``save_session`` adds to a response that has none like them yet.

        PERF: a reply that needs no Response object otherwise is 5 us cheaper with a session that is read or written.

        :returns: None where only ``save_session`` can do it: the cookie is to be deleted, or is too large.
        """
        fields = [("Vary", "Cookie")] if session.accessed else []
        if session:
            if not self.should_set_cookie(app, session):
                return fields
            expires = self.get_expiration_time(app, session)
            text = cookie_text(self._sign(app, dict(session)), expires, self._cookie_settings(app, session))
            limit = app.config["MAX_COOKIE_SIZE"]
            if limit and len(text) > limit:
                return None
            fields.append(("Set-Cookie", text))
            if not session.accessed:
                fields.append(("Vary", "Cookie"))
            return fields
        return None if session.modified else fields

    def _secret_keys(self, app: SessionApp) -> list[bytes] | None:
        """Returns the keys, the current one last, or None without a current one."""
        return secret_keys(app.secret_key, app.config["SECRET_KEY_FALLBACKS"], self.shortest_secret_key)

    def _text_signer(self, app: SessionApp) -> TextSigner | None:
        """Returns what does the same as ``get_signing_serializer`` in less time; None where that has to be used."""
        fallbacks = app.config["SECRET_KEY_FALLBACKS"]
        encrypt = bool(app.config.get("SESSION_ENCRYPT"))
        settings = (
            app.secret_key,
            tuple(fallbacks or ()),
            self.salt,
            self.key_derivation,
            self.digest_method,
            self.shortest_secret_key,
            encrypt,
        )
        if (
            type(self).get_signing_serializer is not _get_signing_serializer
            or "get_signing_serializer" in self.__dict__
            or not isinstance(self.serializer, TaggedJSONSerializer)
        ):
            _refuse_to_encrypt(encrypt)
            return None
        # PERF: a table shared by all interfaces; an attribute of this one would have requests take the long way.
        try:
            signer = _signers.get(settings)
        except TypeError:  # a key of a type that cannot be in a table, nor be a key
            signer = None
        return self._make_text_signer(app, settings, encrypt) if signer is None else signer

    def _make_text_signer(self, app: SessionApp, settings: tuple[Any, ...], encrypt: bool) -> TextSigner | None:
        keys = self._secret_keys(app)
        if (
            keys is None
            or self.key_derivation != "hmac"
            or self.digest_method not in _quick_digests
            or not isinstance(self.salt, (str, bytes))
        ):
            _refuse_to_encrypt(keys is not None and encrypt)
            return None
        salt = self.salt.encode() if isinstance(self.salt, str) else self.salt
        if len(_signers) >= 64:  # a program that makes apps without end
            _signers.clear()
        signer_class: type[TextSigner] = TextSigner
        if encrypt:
            # Start-up: few applications encrypt their sessions.
            from costrel.encryption import Encrypter

            signer_class = Encrypter
        signer = _signers[settings] = signer_class(keys, salt, self.digest_method)
        return signer

    def _sign(self, app: SessionApp, data: dict[str, Any]) -> str:
        """Returns the value of the cookie for a session's content.

        :raises TypeError: a value cannot be written as JSON.
        """
        signer = self._text_signer(app) or self.get_signing_serializer(app)
        if signer is None:
            raise RuntimeError(
                f"The session cannot be saved without a secret key. Set `app.secret_key`. {NEW_KEY}."
                f"{NullSession.describe_request()}"
            )
        try:
            if isinstance(signer, TextSigner):
                return signer.sign(_dumps(self.serializer, app.json, data))
            signed = signer.dumps(data)
        except TypeError as error:
            raise TypeError(f"The session cannot be saved: {_explain(self.serializer, data, error)}") from error
        return signed if isinstance(signed, str) else signed.decode("ascii")

    def _read(self, app: SessionApp, text: str | None) -> SecureCookieSession | None:
        """Returns the session that a text from a cookie stands for, None where it cannot be read."""
        if text is None:
            return None
        try:
            return self.session_class(_loads(self.serializer, app.json, text))
        except Exception:
            _log_unreadable()
            return None

    def _read_signed(self, serializer: URLSafeTimedSerializer, cookie: str, max_age: int) -> SecureCookieSession | None:
        from itsdangerous import BadSignature  # imported already, by the serializer

        try:
            return self.session_class(serializer.loads(cookie, max_age=max_age))
        except (BadSignature, UnicodeError):
            return None
        except Exception:
            _log_unreadable()
            return None


def _refuse_to_encrypt(encrypt: bool) -> None:
    """Raises RuntimeError where a cookie was to be encrypted, and is signed by other means."""
    if encrypt:
        raise RuntimeError(
            "SESSION_ENCRYPT is on, but the session interface has a serializer, key derivation, digest or"
            " get_signing_serializer of its own, which would not encrypt. Remove either."
        )


def _log_unreadable() -> None:
    """Logs that a cookie was signed with our key but is no session; nobody without the key can bring this about."""
    _logger.warning(
        "A rightly signed session cookie could not be read, so the visitor gets a new session. Either another program"
        " signed it with the same key, or the session's serializer or one of its tags has changed.",
        exc_info=True,
    )


def _dumps(serializer: TaggedJSONSerializer, provider: JSONProvider, data: dict[str, Any]) -> str:
    # PERF: to ask the app that is at hand is 1.5 us faster than to have the serializer find the current one.
    if type(serializer) is TaggedJSONSerializer:
        return provider.dumps(serializer.tag(data), separators=(",", ":"))
    return serializer.dumps(data)


def _loads(serializer: TaggedJSONSerializer, provider: JSONProvider, text: str) -> Any:
    if type(serializer) is TaggedJSONSerializer:
        data = provider.loads(text)
        return serializer._untag_scan(data) if serializer.may_have_tags(text) else data
    return serializer.loads(text)


def _explain(serializer: Any, data: dict[str, Any], error: TypeError) -> str:
    """Returns the message of an error with the item of the session that caused it."""
    for key, value in data.items():
        try:
            serializer.dumps({str(key): value})
        except TypeError:
            return f"session[{key!r}] is a {type(value).__name__}. {error}"
    return str(error)


# What is done in a shorter way below, unless a program replaces it.
_set_cookie = Response.set_cookie
_vary = Response.vary


def _vary_by_cookie(response: Response) -> None:
    """Does what ``response.vary.add("Cookie")`` does."""
    # PERF: 1.0 us where there is no such header yet, by way of response.vary 4.5.
    if type(response).vary is _vary and all(name.lower() != "vary" for name, _ in response.headers):
        response.headers.add("Vary", "Cookie")
    else:
        response.vary.add("Cookie")


# As shipped: somebody may patch the class.
_get_signing_serializer = SecureCookieSessionInterface.get_signing_serializer
