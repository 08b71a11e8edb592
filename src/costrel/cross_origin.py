"""The guard against requests that another site has a visitor's browser make: cross-site request forgery.

Browsers say where a request comes from, in ``Sec-Fetch-Site`` and, older ones, in ``Origin``. Neither can be set by a
page, so no token in the form is needed. Clients that are no browsers send neither, and carry no visitor's cookies.

Source: https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header, RFC 6454 §7
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from werkzeug.exceptions import Forbidden

from costrel.security import STANDARD_PORTS
from costrel.watch import WatchedType

T = TypeVar("T")

#: RFC 9110 §9.2.1: methods that change nothing.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: RFC 6454 §6.1: an origin is a scheme, a host and a port that is not the scheme's standard one.
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9._~-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
_EXEMPT = "_cross_origin_exempt"


class CrossOriginRefused(Forbidden):
    """An unsafe request that comes from a page of another origin (403)."""

    description = (
        "This request was sent by a page of another site, which this site does not accept."
        " Open the site itself and try again."
    )


def cross_origin_exempt(target: T) -> T:
    """Lets pages of any site send unsafe requests to a view, or to all views of a blueprint.

    It is for views that do not go by the visitor's cookies, such as those that check a signature or a token. Decorate
    the view; call it with a blueprint.

    :param target: a view function or a blueprint; those of a blueprint inside of it are exempt too.
    :returns: the same object.
    :raises TypeError: for a class; a class of views has ``decorators = [cross_origin_exempt]``.

    >>> @cross_origin_exempt
    ... def webhook():
    ...     return "thanks"
    """
    if isinstance(target, type):
        raise TypeError(
            f"cross_origin_exempt takes a view function or a blueprint, not the class {target.__name__}."
            " Write decorators = [cross_origin_exempt] in the class."
        )
    try:
        setattr(target, _EXEMPT, True)
    except AttributeError:
        raise TypeError(
            f"cross_origin_exempt can't mark a {type(target).__name__}. Decorate the function itself, before it is"
            " bound or wrapped."
        ) from None
    WatchedType.announce()
    return target


def is_exempt(target: object) -> bool:
    """Tells whether :func:`cross_origin_exempt` has marked a view or a blueprint."""
    return getattr(target, _EXEMPT, False) is True


class CrossOriginGuard:
    """Refuses unsafe requests from pages of other origins.

    :param trusted: the origins that are accepted, such as ``https://shop.example.com``.
    :param report: is called with the reason in place of refusing.
    :param explain: whether the answer says what to set, for debug mode.
    :raises ValueError: a trusted origin is not one.
    """

    def __init__(
        self,
        trusted: Iterable[str] = (),
        report: Callable[[str], object] | None = None,
        explain: bool = False,
    ) -> None:
        if isinstance(trusted, str):
            raise ValueError(f"TRUSTED_ORIGINS must be a list of origins, not one text. Write [{trusted!r}].")
        self.trusted = frozenset(_checked_origin(origin) for origin in trusted)
        self.report = report
        self.explain = explain

    def check(self, environ: Mapping[str, Any], method: str) -> None:
        """Lets a request pass or refuses it.

        :param environ: the WSGI environ.
        :param method: the method of the request.
        :raises CrossOriginRefused: an unsafe request comes from a page of another origin.
        """
        if "HTTP_ORIGIN" not in environ and "HTTP_SEC_FETCH_SITE" not in environ:
            return  # no browser
        if method.upper() in _SAFE_METHODS:
            return
        site = environ.get("HTTP_SEC_FETCH_SITE")
        if site is not None:
            if site == "same-origin" or site == "none":
                return
            reason = f"Sec-Fetch-Site is {site!r}"
        elif _is_own(environ):
            return
        else:
            reason = f"Host is {environ.get('HTTP_HOST')!r}"
        origin = environ.get("HTTP_ORIGIN")
        if origin in self.trusted:
            return
        self._refuse(f"{reason} and Origin is {origin!r}", origin)

    def _refuse(self, reason: str, origin: str | None) -> None:
        if self.report is not None:
            self.report(reason)
            return
        self._raise(reason, origin)

    def _raise(self, reason: str, origin: str | None) -> NoReturn:
        if not self.explain:
            raise CrossOriginRefused()
        remedy = ""
        if origin is not None and _ORIGIN.fullmatch(origin):
            remedy = f" If that site may send such requests, add it: app.config['TRUSTED_ORIGINS'] = [{origin!r}]."
        raise CrossOriginRefused(
            f"This request was sent by a page of another site: {reason}.{remedy} If the view does not go by cookies,"
            " decorate it with @cross_origin_exempt. To log such requests only, set CROSS_ORIGIN_PROTECTION to"
            " 'report'."
        )


def make_guard(
    setting: object, trusted: Iterable[str] | None, warn: Callable[..., object], explain: bool
) -> CrossOriginGuard | None:
    """Returns the guard that the settings ask for, or None where it is turned off.

    :param setting: ``CROSS_ORIGIN_PROTECTION``: True, False or ``"report"``.
    :param trusted: ``TRUSTED_ORIGINS``.
    :param warn: a logger's method, for ``"report"``.
    :param explain: whether the answer says what to set.
    :raises ValueError: the settings make no sense.
    """
    if setting is False:
        return None
    if setting == "report":

        def report(reason: str) -> None:
            warn("A cross-origin request was let through because CROSS_ORIGIN_PROTECTION is 'report': %s", reason)

        return CrossOriginGuard(trusted or (), report, explain)
    if setting is not True:
        raise ValueError(f"CROSS_ORIGIN_PROTECTION must be True, False or 'report', not {setting!r}.")
    return CrossOriginGuard(trusted or (), None, explain)


def _is_own(environ: Mapping[str, Any]) -> bool:
    """Tells whether the ``Origin`` of a request is the host that it was made to."""
    host = environ.get("HTTP_HOST")
    match = _ORIGIN.fullmatch(environ["HTTP_ORIGIN"])
    if not host or match is None:
        return False
    scheme = match[1].lower()
    if scheme not in STANDARD_PORTS or (scheme == "http" and environ.get("wsgi.url_scheme") == "https"):
        # A page that came over plain HTTP may have been written by anybody on the way.
        return False
    port = STANDARD_PORTS[scheme]
    own: bool = host.lower().removesuffix(port) == f"{match[2]}{match[3] or ''}".lower().removesuffix(port)
    return own


def _checked_origin(origin: object) -> str:
    """Returns a trusted origin as browsers write it."""
    if not isinstance(origin, str) or (match := _ORIGIN.fullmatch(origin)) is None:
        raise ValueError(
            f"TRUSTED_ORIGINS has {origin!r}, which is no origin. Write scheme and host, and the port if it is not the"
            " usual one, without a path: 'https://shop.example.com'."
        )
    return origin.lower().removesuffix(STANDARD_PORTS.get(match[1].lower(), "/"))
