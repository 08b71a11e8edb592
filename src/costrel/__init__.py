"""A WSGI microframework with Flask's API: fast, safe by default, typed."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from costrel import json, signals
from costrel.app import App
from costrel.config import Config
from costrel.context import (
    after_this_request,
    copy_current_request_context,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
    session,
)
from costrel.cross_origin import cross_origin_exempt
from costrel.helpers import (
    abort,
    flash,
    get_flashed_messages,
    get_template_attribute,
    is_safe_redirect,
    make_response,
    redirect,
    stream_with_context,
    url_for,
)
from costrel.json import jsonify
from costrel.request import Request
from costrel.response import Response
from costrel.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    before_render_template,
    got_request_exception,
    message_flashed,
    request_finished,
    request_started,
    request_tearing_down,
    template_rendered,
)
from costrel.static import send_file, send_from_directory

if TYPE_CHECKING:
    from costrel.blueprints import Blueprint
    from costrel.policies import csp_nonce, security_headers
    from costrel.templating import (
        render_template,
        render_template_string,
        stream_template,
        stream_template_string,
    )

__all__ = [
    "App",
    "Blueprint",
    "Config",
    "Markup",
    "Request",
    "Response",
    "abort",
    "after_this_request",
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "copy_current_request_context",
    "cross_origin_exempt",
    "csp_nonce",
    "current_app",
    "escape",
    "flash",
    "g",
    "get_flashed_messages",
    "get_template_attribute",
    "got_request_exception",
    "has_app_context",
    "has_request_context",
    "is_safe_redirect",
    "json",
    "jsonify",
    "make_response",
    "message_flashed",
    "redirect",
    "render_template",
    "render_template_string",
    "request",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "security_headers",
    "send_file",
    "send_from_directory",
    "session",
    "signals",
    "stream_template",
    "stream_template_string",
    "stream_with_context",
    "template_rendered",
    "url_for",
]

#: What is imported when first asked for, and the modules that have it.
_LATE = {
    **dict.fromkeys(("render_template", "render_template_string", "stream_template"), "costrel.templating"),
    **dict.fromkeys(("csp_nonce", "security_headers"), "costrel.policies"),
    "Blueprint": "costrel.blueprints",
    "stream_template_string": "costrel.templating",
}


def __getattr__(name: str) -> Any:
    """Imports some functions when first asked for: jinja2 would add 17 ms to ``import costrel``, the policies 1 ms."""
    if name in _LATE:
        # Not through `globals()`: that is the module of this name here, once somebody has imported it.
        value = getattr(importlib.import_module(_LATE[name]), name)
        setattr(sys.modules[__name__], name, value)
        return value
    raise AttributeError(f"module 'costrel' has no attribute {name!r}")
