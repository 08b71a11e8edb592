"""The headers by which a browser restricts what a page may do: ``App.secure`` sends them, views may change them.

Source: https://www.w3.org/TR/CSP3/, RFC 6797, https://html.spec.whatwg.org/#cross-origin-opener-policies
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from costrel.context import current_context
from costrel.security import check_header_value

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from costrel.app import App
    from costrel.context import RequestContext

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "_security_headers"
_NONCE = "{nonce}"

#: The directives of the content security policy. A script runs if it has the nonce, or if one that has it loads it.
DEFAULT_CSP: Mapping[str, str] = {
    "default-src": "'self'",
    "script-src": "{nonce} 'strict-dynamic'",
    "style-src": "'self' {nonce}",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


@dataclass(frozen=True)
class SecurityPolicy:
    """What ``App.secure`` sends; None for a header leaves it out."""

    #: ``Strict-Transport-Security``, sent over https only.
    hsts: str | None = "max-age=31536000"
    #: Directives of ``Content-Security-Policy``; ``{nonce}`` stands for the nonce of the response.
    csp: Mapping[str, str | None] | None = field(default_factory=lambda: dict(DEFAULT_CSP))
    #: Whether browsers only report what breaks the policy.
    csp_report_only: bool = False
    referrer: str | None = "strict-origin-when-cross-origin"
    permissions: str | None = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    opener: str | None = "same-origin"
    resource: str | None = "same-origin"
    embedder: str | None = None

    def changed(self, changes: Mapping[str, Any]) -> SecurityPolicy:
        """Returns the policy with some parts changed; directives of ``csp`` are changed one by one.

        :raises TypeError: there is no part of that name.
        :raises ValueError: a value can't be sent.
        """
        known = [part.name for part in fields(self)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise TypeError(f"A security policy has no part {unknown[0]!r}; it has {', '.join(known)}.")
        changes = dict(changes)
        if changes.get("csp") is not None:
            for name, sources in changes["csp"].items():
                _check_directive(name, sources)
            changes["csp"] = {**(self.csp or {}), **changes["csp"]}
        for name, value in changes.items():
            if isinstance(value, str):
                check_header_value(value)
            elif name not in {"csp", "csp_report_only"} and value is not None:
                raise TypeError(f"{name} of a security policy is a text or None, not {type(value).__name__}.")
        return replace(self, **changes)


def _check_directive(name: str, sources: str | None) -> None:
    if any(mark in (sources or "") + name for mark in ";,\r\n") or not name or " " in name:
        raise ValueError(
            f"{name!r}: {sources!r} is no directive of a content security policy: write its sources with spaces between"
            " them, and each directive under its own name."
        )


class _Headers:
    """A policy as headers.

    :param policy: what is to be sent.
    """

    def __init__(self, policy: SecurityPolicy) -> None:
        csp = {name: sources for name, sources in (policy.csp or {}).items() if sources is not None}
        ancestors = csp.get("frame-ancestors")
        named = {
            "X-Content-Type-Options": "nosniff",
            # Browsers that do not know frame-ancestors know this.
            "X-Frame-Options": {"'none'": "DENY", "'self'": "SAMEORIGIN"}.get(ancestors or ""),
            "Referrer-Policy": policy.referrer,
            "Permissions-Policy": policy.permissions,
            "Cross-Origin-Opener-Policy": policy.opener,
            "Cross-Origin-Resource-Policy": policy.resource,
            "Cross-Origin-Embedder-Policy": policy.embedder,
        }
        self.fixed = [(name, value) for name, value in named.items() if value is not None]
        self.hsts = policy.hsts
        self.csp_name = "Content-Security-Policy-Report-Only" if policy.csp_report_only else "Content-Security-Policy"
        self.csp = "; ".join(f"{name} {sources}".strip() for name, sources in csp.items())
        self.csp_without_nonce = "; ".join(
            " ".join([name, *(source for source in sources.split() if source != _NONCE)])
            for name, sources in csp.items()
        )

    def add_to(self, response: Response, context: RequestContext) -> None:
        """Adds the headers that a response does not have yet."""
        headers = response.headers
        for name, value in self.fixed:
            headers.setdefault(name, value)
        if self.hsts is not None and context.environ.get("wsgi.url_scheme") == "https":
            headers.setdefault("Strict-Transport-Security", self.hsts)
        # A 304 would put another nonce over the page that the browser has kept (RFC 9111 §3.2).
        if self.csp and response.status_code != 304 and self.csp_name not in headers:
            # The template of a stream asks for the nonce when the headers have been sent.
            uses_nonce = _NONCE in self.csp and ("csp_nonce" in vars(context) or not response.is_sequence)
            text = self.csp.replace(_NONCE, f"'nonce-{_nonce(context)}'") if uses_nonce else self.csp_without_nonce
            headers[self.csp_name] = text


class SecurityHeaders:
    """The hook that adds the headers of a policy to each response.

    :param app: the application; its views may have changes of their own.
    :param policy: what is sent where a view has none.
    """

    def __init__(self, app: App, policy: SecurityPolicy) -> None:
        self.policy = policy
        self._views = app.view_functions
        self._headers = _Headers(policy)
        self._changed: dict[Any, _Headers] = {}

    def __call__(self, response: Response) -> Response:
        context: Any = current_context.get().request_context()
        request = context._request
        rule = context.rule if request is None else request.url_rule
        view = None if rule is None else self._views.get(rule.endpoint)
        changes = getattr(view, _MARK, None)
        headers = self._headers
        if changes is not None:
            headers = self._changed.get(view) or self._changed.setdefault(view, _Headers(self.policy.changed(changes)))
        headers.add_to(response, context)
        return response


def secure(app: App, changes: Mapping[str, Any]) -> None:
    """Has an application send the headers of a policy; see ``App.secure``."""
    hook = SecurityHeaders(app, SecurityPolicy().changed(changes))
    hooks: Iterable[Any] = app.after_request_funcs.get(None, ())
    # Hooks run the last one first: what others set is there when this one looks.
    app.after_request_funcs[None] = [hook, *(other for other in hooks if not isinstance(other, SecurityHeaders))]


def security_headers(**changes: Any) -> Callable[[F], F]:
    """Decorates a view whose headers differ from those that ``App.secure`` has the application send.

    :param changes: the parts of a :class:`SecurityPolicy` that differ; None leaves a header or directive out.

    >>> @security_headers(csp={"frame-ancestors": "https://partner.example"}, resource="cross-origin")
    ... def widget():
    ...     return "<p>Hello"
    """
    SecurityPolicy().changed(changes)

    def decorate(view: F) -> F:
        setattr(view, _MARK, {**getattr(view, _MARK, {}), **changes})
        return view

    return decorate


def csp_nonce() -> str:
    """Returns the nonce of this response, for ``<script nonce="{{ csp_nonce() }}">`` in templates.

    :raises RuntimeError: where no request is being handled.
    """
    context = current_context.get(None)
    request_context = None if context is None else context.request_context()
    if request_context is None:
        raise RuntimeError("'csp_nonce' can only be used during a request: each response has a nonce of its own.")
    return _nonce(request_context)


def _nonce(context: RequestContext) -> str:
    state = vars(context)
    nonce: str = state.get("csp_nonce") or state.setdefault("csp_nonce", secrets.token_urlsafe(18))
    return nonce
