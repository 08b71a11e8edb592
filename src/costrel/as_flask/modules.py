"""The modules that ``flask`` has, and where costrel keeps what is in them."""

from __future__ import annotations

import sys
import warnings
from contextvars import Token
from types import FrameType
from typing import Any

import costrel
from costrel.as_flask.application import Flask
from costrel.as_flask.distribution import VERSION
from costrel.blueprints import Blueprint
from costrel.context import AppContext, RequestContext, current_context
from costrel.helpers import default_context_processor
from costrel.registrar import Registrar

#: For each module the modules of costrel that have its names; where two have the same name, the first counts.
SOURCES: dict[str, tuple[str, ...]] = {
    "flask": ("costrel",),
    "flask.app": (
        *("costrel.app", "costrel.helpers", "costrel.context", "costrel.static", "costrel.environment"),
        "costrel.templating",
    ),
    "flask.blueprints": ("costrel.blueprints", "costrel.static", "costrel.cli.script"),
    "flask.cli": (
        *("costrel.cli", "costrel.cli.group", "costrel.cli.locate", "costrel.cli.options", "costrel.cli.run"),
        *("costrel.cli.script", "costrel.cli.files", "costrel.environment"),
    ),
    "flask.config": ("costrel.config",),
    "flask.ctx": ("costrel.context",),
    "flask.debughelpers": ("costrel.diagnostics", "costrel.app"),
    "flask.globals": ("costrel.context",),
    "flask.helpers": (
        "costrel.helpers",
        "costrel.static",
        "costrel.packages",
        "costrel.environment",
        "costrel.context",
    ),
    "flask.json": ("costrel.json",),
    "flask.json.provider": ("costrel.serialize",),
    "flask.json.tag": ("costrel.tags", "costrel.json"),
    "flask.logging": ("costrel.logging",),
    "flask.sansio": (),
    "flask.sansio.app": ("costrel.app", "costrel.templating", "costrel.packages"),
    "flask.sansio.blueprints": ("costrel.blueprints",),
    "flask.sansio.scaffold": ("costrel.registrar", "costrel.packages"),
    "flask.sessions": ("costrel.sessions", "costrel.session_data"),
    "flask.signals": ("costrel.signals",),
    "flask.templating": ("costrel.templating",),
    "flask.testing": ("costrel.testing", "costrel.sessions"),
    "flask.typing": ("costrel.typing",),
    "flask.views": ("costrel.views",),
    "flask.wrappers": ("costrel.request", "costrel.response"),
}

#: Modules that have modules below them.
PACKAGES = frozenset(name.rpartition(".")[0] for name in SOURCES) - {""}

_RESPONSE = "werkzeug.wrappers:Response"

#: What Flask's modules have from others, which some programs import from there: name, and module or ``module:name``.
BORROWED: dict[str, dict[str, str]] = {
    "flask.app": {
        **dict.fromkeys(("BadRequestKeyError", "InternalServerError"), "werkzeug.exceptions"),
        **dict.fromkeys(("BuildError", "RequestRedirect", "RoutingException"), "werkzeug.routing"),
        **dict.fromkeys(("Headers", "ImmutableDict"), "werkzeug.datastructures"),
        **dict.fromkeys(("request_finished", "request_started", "request_tearing_down"), "costrel.signals"),
        **dict.fromkeys(("appcontext_tearing_down", "got_request_exception"), "costrel.signals"),
        "BaseResponse": _RESPONSE,
        "cli": "flask",
        "get_host": "werkzeug.wsgi",
        "is_running_from_reloader": "werkzeug.serving",
    },
    "flask.blueprints": {"current_app": "costrel"},
    "flask.cli": {
        "current_app": "costrel",
        **dict.fromkeys(("is_running_from_reloader", "run_simple"), "werkzeug.serving"),
    },
    "flask.ctx": dict.fromkeys(("appcontext_popped", "appcontext_pushed"), "costrel.signals"),
    "flask.debughelpers": {"BaseLoader": "jinja2", "Blueprint": "costrel", "RequestRedirect": "werkzeug.routing"},
    "flask.globals": {"LocalProxy": "werkzeug.local"},
    "flask.helpers": {"BaseResponse": _RESPONSE},
    "flask.logging": {"request": "costrel"},
    "flask.sansio.app": {
        **dict.fromkeys(("BadRequest", "BadRequestKeyError"), "werkzeug.exceptions"),
        "BuildError": "werkzeug.routing",
        "cached_property": "werkzeug.utils",
    },
    "flask.sansio.scaffold": {
        **dict.fromkeys(("BaseLoader", "FileSystemLoader"), "jinja2"),
        "cached_property": "werkzeug.utils",
    },
    "flask.sessions": dict.fromkeys(("BadSignature", "URLSafeTimedSerializer"), "itsdangerous"),
    "flask.templating": {"BaseEnvironment": "jinja2:Environment"},
    "flask.testing": {"BaseRequest": "werkzeug.wrappers:Request"},
    "flask.wrappers": {
        "RequestBase": "werkzeug.wrappers:Request",
        "ResponseBase": _RESPONSE,
        "current_app": "costrel",
        "json": "flask",
    },
}

#: Names that Flask once had, with the version that removed them and what programs write now.
REMOVED: dict[tuple[str, str], tuple[str, str]] = {
    ("flask", "_app_ctx_stack"): ("2.3", "from flask import g, or flask.globals.app_ctx"),
    ("flask", "_request_ctx_stack"): ("2.3", "from flask import g, or flask.globals.request_ctx"),
    ("flask.globals", "_app_ctx_stack"): ("2.3", "from flask.globals import app_ctx"),
    ("flask.globals", "_request_ctx_stack"): ("2.3", "from flask.globals import request_ctx"),
    ("flask.helpers", "locked_cached_property"): ("2.3", "from werkzeug.utils import cached_property"),
    ("flask.json", "JSONDecoder"): ("2.3", "a subclass of flask.json.provider.JSONProvider as app.json"),
    ("flask.json", "JSONEncoder"): ("2.3", "a subclass of flask.json.provider.DefaultJSONProvider as app.json"),
    ("flask.json", "htmlsafe_dumps"): ("2.3", "the template filter tojson, or jinja2.utils.htmlsafe_json_dumps"),
}


class ContextVariable:
    """Stands for ``_cv_app`` and ``_cv_request``: Flask's two context variables, where costrel has one.

    :param kind: the class of contexts that it sees.
    """

    def __init__(self, kind: type[AppContext]) -> None:
        self.kind = kind

    def get(self, *default: Any) -> Any:
        """Returns the current context of its kind, or the default.

        :raises LookupError: there is none, and no default.
        """
        context: AppContext | None = current_context.get(None)
        if context is not None:
            context = context.request_context() if issubclass(self.kind, RequestContext) else context.app_context()
        if context is not None:
            return context
        if default:
            return default[0]
        raise LookupError(self)

    def set(self, context: AppContext) -> Token[AppContext]:
        """Makes a context the current one."""
        return current_context.set(context)

    def reset(self, token: Token[AppContext]) -> None:
        """Makes the context current again that was current before."""
        current_context.reset(token)


_VARIABLES = {"_cv_app": ContextVariable(AppContext), "_cv_request": ContextVariable(RequestContext)}

#: What costrel offers and Flask does not.
_BEYOND_FLASK = frozenset(
    ("App", "Markup", "cross_origin_exempt", "csp_nonce", "escape", "is_safe_redirect", "security_headers")
)

#: What ``from flask import *`` gives, which includes the modules that Flask itself imports.
_STAR = sorted(
    {
        *(name for name in costrel.__all__ if name not in _BEYOND_FLASK),
        *("Flask", "app", "blueprints", "cli", "config", "ctx", "globals", "helpers", "json", "logging", "sansio"),
        *("sessions", "signals", "templating", "typing", "wrappers"),
    }
)

#: What a module has under another name than costrel's, or from another place.
OWN_NAMES: dict[str, dict[str, Any]] = {
    "flask": {"Flask": Flask, "__all__": _STAR},
    "flask.app": {"Flask": Flask, **_VARIABLES},
    "flask.blueprints": {"SansioBlueprint": Blueprint},
    "flask.ctx": _VARIABLES,
    "flask.globals": _VARIABLES,
    "flask.helpers": _VARIABLES,
    "flask.sansio.app": {"Scaffold": Registrar},
    "flask.sansio.blueprints": {"Scaffold": Registrar},
    "flask.sansio.scaffold": {"Scaffold": Registrar},
    "flask.templating": {**_VARIABLES, "_default_template_ctx_processor": default_context_processor},
}


def version(module: str, name: str) -> str | None:
    """Returns Flask's version where ``flask.__version__`` is asked for, with Flask's warning; else None."""
    if (module, name) != ("flask", "__version__"):
        return None
    warnings.warn(
        "The '__version__' attribute is deprecated and will be removed in Flask 3.2."
        " Use feature detection or 'importlib.metadata.version(\"flask\")' instead.",
        DeprecationWarning,
        stacklevel=4,
    )
    return VERSION


def explain_missing(module: str, name: str) -> str:
    """Returns what to do about a name that a module of Flask does not have."""
    what = f"There is no {name!r} in {module!r}: costrel offers the names of Flask {VERSION}."
    if (module, name) in REMOVED:
        since, replacement = REMOVED[module, name]
        return f"{what} Flask {since} removed it; write instead: {replacement}."
    place = importing_line() or "an unknown place"
    return (
        f"{what} The code in {place} may need another version of Flask; install a version of that package that"
        f" works with Flask {VERSION}."
    )


def importing_line() -> str | None:
    """Returns ``file:line`` of the code whose import has led here, below the import system and this package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith("<frozen") and not str(frame.f_globals.get("__name__", "")).startswith(
            "costrel.as_flask"
        ):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return None
