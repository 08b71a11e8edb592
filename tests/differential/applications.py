"""Strategies for the application of a random program: how it is made, its settings, and what is changed on it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

#: What every program begins with. The process provides ``note``, ``kind``, ``ROOT`` and ``receivers``.
PROLOGUE = """\
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from http import HTTPStatus
from io import BytesIO
from uuid import UUID

import flask
from flask import current_app, g, request, session
from flask.views import MethodView, View
from markupsafe import Markup
from werkzeug.datastructures import Headers, WWWAuthenticate
from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError, NotFound
from werkzeug.routing import BaseConverter, RequestRedirect
from werkzeug.wrappers import Response as BaseResponse

class Problem(LookupError):
    pass

class BaseProblem(BaseException):
    pass

class Teapot(HTTPException):
    code = 418
    description = 'short and stout'

@dataclass
class Record:
    number: int
    more: object

class Own(BaseConverter):
    regex = '[a-c]+'
    def to_python(self, value):
        return value.upper()
    def to_url(self, value):
        return str(value).lower()

def decorated(view):
    def inner(**values):
        note('decorated')
        return view(**values)
    return inner

"""

CONSTRUCTORS = [
    "",
    "",
    "",
    "",
    ", static_url_path='/files'",
    ", static_url_path=''",
    ", static_folder=None",
    ", template_folder='part'",
    ", subdomain_matching=True",
    ", host_matching=True, static_host='example.org'",
    ", static_folder=ROOT + '/static', static_url_path='/static/'",
]

SETTINGS: dict[str, list[Any]] = {
    "TESTING": [True],
    "DEBUG": [True],
    "PROPAGATE_EXCEPTIONS": [True, False],
    "TRAP_HTTP_EXCEPTIONS": [True],
    "TRAP_BAD_REQUEST_ERRORS": [True, False],
    "SERVER_NAME": ["localhost", "example.org", "example.org:8080"],
    "APPLICATION_ROOT": ["/root", "/root/"],
    "PREFERRED_URL_SCHEME": ["https"],
    "SESSION_COOKIE_NAME": ["other"],
    "SESSION_COOKIE_PATH": ["/a"],
    "SESSION_COOKIE_DOMAIN": ["example.org", False],
    "SESSION_COOKIE_HTTPONLY": [False],
    "SESSION_COOKIE_SECURE": [True],
    "SESSION_COOKIE_SAMESITE": ["Strict", "Lax", "Odd"],
    "SESSION_COOKIE_PARTITIONED": [True],
    "SESSION_REFRESH_EACH_REQUEST": [False],
    "PERMANENT_SESSION_LIFETIME": [120, 0],
    "SECRET_KEY_FALLBACKS": [["old"], ["other", "old"], []],
    "PROVIDE_AUTOMATIC_OPTIONS": [False],
    "MAX_CONTENT_LENGTH": [3, 0],
    "MAX_FORM_MEMORY_SIZE": [3],
    "MAX_FORM_PARTS": [1],
    "MAX_COOKIE_SIZE": [60, 0],
    "SECRET_KEY": [None, "other", b"bytes"],
    "SEND_FILE_MAX_AGE_DEFAULT": [60],
    "TRUSTED_HOSTS": [["localhost"], ["example.org"], [".example.org"]],
    "USE_X_SENDFILE": [True],
    "TEMPLATES_AUTO_RELOAD": [True],
    "EXPLAIN_TEMPLATE_LOADING": [True],
}

#: What a program may do to its application apart from registering.
CHANGES = [
    "app.url_map.strict_slashes = False",
    "app.url_map.merge_slashes = False",
    "app.url_map.redirect_defaults = False",
    "app.url_map.sort_parameters = True",
    "app.subdomain_matching = True",
    "app.json.sort_keys = False",
    "app.json.ensure_ascii = False",
    "app.json.compact = False",
    "app.json.mimetype = 'application/vnd.api+json'",
    "app.json = type('Own', (type(app.json),), {'default': staticmethod(kind)})(app)",
    "app.permanent_session_lifetime = 60",
    "app.secret_key = None",
    "app.url_build_error_handlers.append(lambda error, endpoint, values: '/built')",
    "app.url_build_error_handlers.append(lambda error, endpoint, values: None)",
    "app.jinja_options = {'trim_blocks': True}",
    "app.jinja_env.globals['extra'] = 'global'",
    "app.jinja_env.filters['shout'] = str.upper",
    "app.jinja_env.autoescape = False",
    "app.select_jinja_autoescape = lambda filename: False",
    "app.handle_http_exception = lambda error: ('patched', 260)",
    "app.handle_user_exception = lambda error: ('patched', 261)",
    "app.handle_exception = lambda error: flask.Response('patched', 262)",
    "app.log_exception = lambda exc_info: note('own log', exc_info[0].__name__)",
    "app.preprocess_request = lambda: None",
    "app.dispatch_request = lambda: 'dispatched'",
    "app.process_response = lambda response: response",
    "app.make_default_options_response = lambda: flask.Response('own options')",
    "app.get_send_file_max_age = lambda filename: 11",
    "app.create_url_adapter = (lambda inner: lambda request: inner(request))(app.create_url_adapter)",
    "app.inject_url_defaults = lambda endpoint, values: values.update(injected=1)",
    "app.do_teardown_request = (lambda inner: lambda *a: (note('teardown', 'own', ''), inner(*a))[1])"
    "(app.do_teardown_request)",
    "app.response_class = type('OwnResponse', (app.response_class,), {'default_mimetype': 'text/plain'})",
    "app.response_class = type('OwnResponse', (app.response_class,), {'autocorrect_location_header': True})",
    "app.request_class = type('OwnRequest', (app.request_class,), {'is_json': True})",
    "app.request_class = type('OwnRequest', (app.request_class,), {'on_json_loading_failure': lambda *a: 'failed'})",
    "app.request_class = type('OwnRequest', (app.request_class,), {'max_content_length': 4})",
    "app.app_ctx_globals_class = type('OwnG', (app.app_ctx_globals_class,), {'value': 'class'})",
    "app.session_interface = type('Own', (type(app.session_interface),), {'salt': 'own'})()",
    "app.session_interface = type('Own', (type(app.session_interface),), {'should_set_cookie': lambda *a: True})()",
    "app.session_interface = type('Own', (type(app.session_interface),), {'open_session': lambda *a: None})()",
    "app.test_client_class = type('OwnClient', (flask.testing.FlaskClient,), {})",
    "app.wsgi_app = (lambda inner: lambda environ, start: inner({**environ, 'SCRIPT_NAME': '/below'}, start))"
    "(app.wsgi_app)",
    "app.wsgi_app = (lambda inner: lambda environ, start: (note('middle'), inner(environ, start))[1])(app.wsgi_app)",
]


@st.composite
def applications(draw: st.DrawFn) -> str:
    """Draws the text that makes ``app``, with settings and changes."""
    text = f"app = flask.Flask('program', root_path=ROOT{draw(st.sampled_from(CONSTRUCTORS))})\n"
    text += "app.secret_key = 'key'\napp.url_map.converters['own'] = Own\n"
    chosen = draw(st.lists(st.sampled_from(sorted(SETTINGS)), max_size=2, unique=True))
    settings = {name: draw(st.sampled_from(SETTINGS[name])) for name in chosen}
    if settings:
        text += f"app.config.update({settings!r})\n"
    changes = draw(st.lists(st.sampled_from(CHANGES), max_size=2, unique=True)) if draw(st.booleans()) else []
    return text + "".join(f"{change}\n" for change in changes)
