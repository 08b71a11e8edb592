"""Hypothesis strategies for the texts of small programs, written for either framework."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

RULES = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/b//c",
    "/<x>",
    "/<x>/",
    "/<int:n>",
    "/a/<x>/c",
    "/<path:p>",
    "/<path:p>/end",
    "/v<int:n>.json",
    "/<any(one, two):k>",
    "/f/<float:f>",
    "/s/<string(length=2):x>",
    "/u/<uuid:u>",
    "/r/<int(min=2, max=9):n>/<x>",
    "/ü/<x>",
]

PATHS = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/",
    "/b/c",
    "/b//c",
    "//a",
    "/7",
    "/07",
    "/xy",
    "/xy/",
    "/one",
    "/a/ü/c",
    "/a/b/c",
    "/a/%2F/c",
    "/v12.json",
    "/vx.json",
    "/f/1.5",
    "/s/ab",
    "/s/abc",
    "/u/12345678-1234-5678-1234-567812345678",
    "/r/3/z",
    "/r/1/z",
    "/ü/e",
    "/x/y/end",
    "/none/of/these",
    "/static/note.txt",
    "/static/gone.txt",
    "/static/../secret.txt",
]

#: The first only for blueprints that are not nested: a rule must not name an argument twice.
PREFIXES = ["/<y>", "/p", "/p/", "/p/q"]

#: What views do. ``values`` are the view's arguments.
BODIES = [
    "return 'text'",
    "return b'\\x00bytes'",
    "return {'values': {k: str(v) for k, v in values.items()}, 'b': 1, 'a': [None, 'ü']}",
    "return [1, 2.5, str(values)]",
    "return 'made', 201",
    "return 'made', '299 Odd'",
    "return 'headers', {'X-One': '1', 'Content-Type': 'text/plain'}",
    "return 'list', 202, [('X-Two', 'a'), ('X-Two', 'b')]",
    "return {'error': True}, 418, {'X-Three': '3'}",
    "return ''",
    "return '', 204",
    "return (piece for piece in ('one', 'two'))",
    "return framework.Response('object', mimetype='text/plain')",
    "return framework.Response('object', status=203), 206, {'X-Four': '4'}",
    "return framework.make_response(('made', 207))",
    "return framework.jsonify(a=1, b='<ü>')",
    "return framework.redirect('/a')",
    "return framework.redirect(framework.url_for(framework.request.endpoint, **values), 303)",
    "framework.abort(404)",
    "framework.abort(403, 'not you')",
    "framework.abort(framework.Response('aborted', 409))",
    "raise ValueError('value')",
    "raise KeyError('key')",
    "raise Problem('problem')",
    "return None",
    "return 1.5",
    "return framework.request.args['q']",
    "return framework.request.form.get('f', 'none') + str(sorted(framework.request.files))",
    "return {'json': framework.request.get_json()}",
    "return framework.request.get_data()",
    "return str((framework.request.endpoint, framework.request.blueprint, framework.request.blueprints))",
    "return str([getattr(framework.request, name) for name in ('url', 'path', 'host', 'root_path', 'is_json')])",
    "return str(framework.request.url_rule)",
    "framework.session['n'] = framework.session.get('n', 0) + 1\n    return str(framework.session['n'])",
    "framework.session.permanent = True\n    framework.session['t'] = (1, b'b')\n    return 'permanent'",
    "return str(dict(framework.session))",
    "framework.session.clear()\n    return 'cleared'",
    "framework.flash('seen', 'news')\n    return 'flashed'",
    "return str(framework.get_flashed_messages(with_categories=True))",
    "return framework.render_template('page.html', values=values)",
    "return framework.render_template('part.html')",
    "return framework.render_template_string('{{ request.method }} {{ g.value }} {{ \"<\" }} {{ extra }}')",
    "return framework.stream_template('page.html', values=values)",
    "return framework.stream_with_context(framework.request.method for _ in range(2))",
    "framework.after_this_request(lambda r: (log.append('after this'), r)[1])\n    return 'later'",
    "response = framework.make_response('cookie')\n    response.set_cookie('c', 'v', max_age=9)\n    return response",
    "framework.g.value = 5\n    return str(framework.g.get('value')) + str('before' in framework.g)",
    "return framework.send_from_directory(ROOT + '/static', 'note.txt')",
    "return framework.current_app.name + framework.current_app.url_for('nowhere')",
    "return framework.url_for('.view0', **values)",
    "return lambda environ, start: (start('208 Odd', [('X-Five', '5')]), [b'wsgi'])[1]",
]

METHODS = [None, ["GET"], ["POST"], ["GET", "POST"], ["PUT", "delete"], ["OPTIONS", "GET"], ["HEAD"]]

ERRORS = ["404", "405", "403", "500", "400", "ValueError", "LookupError", "Problem", "Exception", "HTTPException"]

HANDLERS = [
    "return 'handled', 490",
    "return {'handled': kind(error)}",
    "return error",
    "raise ValueError('in a handler')",
    "return framework.render_template_string('{{ error }}', error=kind(error)), 500",
]

SETTINGS: dict[str, list[Any]] = {
    "TESTING": [True],
    "DEBUG": [True],
    "PROPAGATE_EXCEPTIONS": [True, False],
    "TRAP_HTTP_EXCEPTIONS": [True],
    "TRAP_BAD_REQUEST_ERRORS": [True],
    "SERVER_NAME": ["localhost", "example.org"],
    "APPLICATION_ROOT": ["/root"],
    "PREFERRED_URL_SCHEME": ["https"],
    "SESSION_COOKIE_NAME": ["other"],
    "SESSION_COOKIE_PATH": ["/a"],
    "SESSION_COOKIE_DOMAIN": ["example.org"],
    "SESSION_COOKIE_HTTPONLY": [False],
    "SESSION_COOKIE_SAMESITE": ["Strict"],
    "SESSION_COOKIE_PARTITIONED": [True],
    "SESSION_REFRESH_EACH_REQUEST": [False],
    "PROVIDE_AUTOMATIC_OPTIONS": [False],
    "MAX_CONTENT_LENGTH": [3],
    "SECRET_KEY": [None, "other"],
    "SEND_FILE_MAX_AGE_DEFAULT": [60],
    "TRUSTED_HOSTS": [["localhost"], ["example.org"]],
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
    "app.permanent_session_lifetime = 60",
    "app.secret_key = None",
    "app.url_build_error_handlers.append(lambda error, endpoint, values: '/built')",
    "app.jinja_options = {'trim_blocks': True}",
    "app.jinja_env.globals['extra'] = 'global'",
    "app.handle_http_exception = lambda error: ('patched', 260)",
    "app.preprocess_request = lambda: None",
    "app.response_class = type('Own', (app.response_class,), {'default_mimetype': 'text/plain'})",
    "app.request_class = type('Own', (app.request_class,), {'is_json': True})",
    "app.session_interface = type('Own', (type(app.session_interface),), {'salt': 'own'})()",
    "framework.request_started.connect(lambda sender, **extra: log.append('started'), app, weak=False)",
    "framework.request_finished.connect(lambda sender, response, **extra: log.append('finished'), app, weak=False)",
    "framework.got_request_exception.connect(lambda sender, exception: log.append(kind(exception)), app, weak=False)",
    "app.wsgi_app = (lambda inner: lambda environ, start: inner({**environ, 'SCRIPT_NAME': '/below'}, start))"
    "(app.wsgi_app)",
]

BEFORE = ["return None", "return 'early', 250", "framework.abort(403)", "raise Problem()", "framework.g.value = 1"]
AFTER = ["response.headers['X-{name}'] = '1'\n    return response", "return framework.Response('replaced', 251)"]

PROLOGUE = """
from werkzeug.exceptions import HTTPException

class Problem(LookupError):
    pass
"""


def _indent(name: str, arguments: str, log: str, body: str) -> str:
    return f"def {name}({arguments}):\n    log.append({log})\n    {body}\n"


@st.composite
def _hooks(draw: st.DrawFn, owner: str) -> str:
    """Draws hooks of one application or blueprint; each writes its name to the log."""
    app_only = ["teardown_appcontext"] if owner == "app" else ["before_app_request", "after_app_request"]
    kinds = ["before_request", "after_request", "teardown_request", "url_value_preprocessor", "context_processor"]
    text = ""
    for number, kind in enumerate(draw(st.lists(st.sampled_from([*kinds, *app_only]), max_size=4))):
        name = f"{owner}_{kind}_{number}"
        if kind.startswith("before"):
            # Most hooks let the request pass, or no view would ever run.
            body = draw(st.sampled_from([*BEFORE[:1] * 6, *BEFORE]))
            text += _indent(name, "", repr(name), body)
        elif kind.startswith("after"):
            body = draw(st.sampled_from([*AFTER[:1] * 3, *AFTER])).replace("{name}", name.replace("_", "-"))
            text += _indent(name, "response", f"({name!r}, response.status_code)", body)
        elif kind.startswith("teardown"):
            text += _indent(name, "error", f"({name!r}, kind(error))", "")
        elif kind == "url_value_preprocessor":
            text += _indent(name, "endpoint, values", f"({name!r}, endpoint, str(values))", "")
        else:
            text += _indent(name, "", repr(name), f"return {{'extra': {name!r}}}")
        text += f"{owner}.{kind}({name})\n"
    return text


@st.composite
def _handlers(draw: st.DrawFn, owner: str) -> str:
    text = ""
    for number, error in enumerate(draw(st.lists(st.sampled_from(ERRORS), max_size=3, unique=True))):
        name = f"{owner}_handler_{number}"
        text += _indent(name, "error", f"({name!r}, kind(error))", draw(st.sampled_from(HANDLERS)))
        decorator = "errorhandler" if owner == "app" or draw(st.integers(0, 3)) else "app_errorhandler"
        text += f"{owner}.{decorator}({error})({name})\n"
    return text


@st.composite
def _routes(draw: st.DrawFn, owner: str) -> str:
    text = ""
    for number, rule in enumerate(draw(st.lists(st.sampled_from(RULES), min_size=1, max_size=4))):
        name = f"view{number}"
        options = ""
        methods = draw(st.sampled_from([None, None, *METHODS]))
        if methods is not None:
            options += f", methods={methods!r}"
        extra = draw(st.sampled_from([""] * 8 + [
            ", strict_slashes=False", ", defaults={'x': 'given'}", ", endpoint='other'", ", redirect_to='/a'",
            ", provide_automatic_options=False", ", merge_slashes=False", ", build_only=True",
        ]))  # fmt: skip
        body = draw(st.sampled_from(BODIES))
        if draw(st.integers(0, 7)) == 0:
            text += f"class {name}(framework.views.MethodView):\n    init_every_request = {draw(st.booleans())}\n"
            for method in draw(st.lists(st.sampled_from(["get", "post", "put", "options"]), unique=True)):
                function = _indent(method, "self, **values", f"({owner + '.' + name!r}, {method!r})", body)
                text += "".join(f"    {line}\n" for line in function.splitlines())
            text += f"{owner}.add_url_rule({rule!r}{options}{extra}, view_func={name}.as_view({name!r}))\n"
            continue
        text += f"@{owner}.route({rule!r}{options}{extra})\n"
        text += _indent(name, "**values", f"({owner + '.' + name!r}, str(values))", body)
    return text


@st.composite
def _blueprint(draw: st.DrawFn, owner: str, parent: str, nested: bool) -> str:
    options = ""
    if draw(st.booleans()):
        options += f", url_prefix={draw(st.sampled_from(PREFIXES if nested else PREFIXES[1:]))!r}"
    if draw(st.integers(0, 3)) == 0:
        options += ", template_folder='part'"
    if draw(st.integers(0, 3)) == 0:
        options += ", static_folder='static'"
    if draw(st.integers(0, 3)) == 0:
        options += ", url_defaults={'d': 1}"
    text = f"{owner} = framework.Blueprint({owner!r}, 'program', root_path=ROOT{options})\n"
    text += draw(_hooks(owner)) + draw(_handlers(owner)) + draw(_routes(owner))
    if nested and draw(st.booleans()):
        text += draw(_blueprint(f"{owner}_inner", owner, nested=False))
    registered = draw(st.sampled_from(["", "", ", url_prefix='/p'", ", name='renamed'", ", url_defaults={'e': 2}"]))
    text += f"{parent}.register_blueprint({owner}{registered})\n"
    if draw(st.integers(0, 5)) == 0:
        text += f"{parent}.register_blueprint({owner}, name='again', url_prefix='/again')\n"
    return text


@st.composite
def _request(draw: st.DrawFn) -> dict[str, Any]:
    prefix = draw(st.sampled_from(["", "", "", "/p", "/p/q", "/again", "/p/p", "/z"]))
    request: dict[str, Any] = {
        "path": prefix + draw(st.sampled_from(PATHS)),
        "method": draw(st.sampled_from(["GET", "GET", "GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "ODD"])),
    }
    if draw(st.booleans()):
        request["query_string"] = draw(st.sampled_from(["q=1", "q=%C3%BC&q=2", "x=&=", "q"]))
    body: dict[str, Any] = draw(st.sampled_from([{}, {}, {"data": {"f": "v"}}, {"json": [1]}, {"data": b"raw"},
        {"data": b"{", "content_type": "application/json"}]))  # fmt: skip
    request.update(body)
    if draw(st.integers(0, 5)) == 0:
        request["base_url"] = draw(
            st.sampled_from(["https://example.org", "http://a.example.org:8080", "http://bad host"])
        )
    if draw(st.integers(0, 5)) == 0:
        request["headers"] = draw(st.sampled_from([{"X-Forwarded-For": "1.2.3.4"}, {"If-None-Match": "*"},
            {"Range": "bytes=1-2"}, {"Cookie": "session=broken"}]))  # fmt: skip
    return request


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Draws the text of one program; it makes ``app`` and a list of ``requests``."""
    chosen = draw(st.lists(st.sampled_from(sorted(SETTINGS)), max_size=3, unique=True))
    settings = {name: draw(st.sampled_from(SETTINGS[name])) for name in chosen}
    text = PROLOGUE
    text += "app = App('program', root_path=ROOT)\napp.secret_key = 'key'\n"
    text += f"app.config.update({settings!r})\n"
    text += "".join(f"{change}\n" for change in draw(st.lists(st.sampled_from(CHANGES), max_size=2, unique=True)))
    text += draw(_hooks("app")) + draw(_handlers("app")) + draw(_routes("app"))
    for number in range(draw(st.integers(0, 2))):
        text += draw(_blueprint(f"part{number}", "app", nested=True))
    requests = draw(st.lists(_request(), min_size=3, max_size=8))
    return f"{text}requests = {requests!r}\n"
