"""Strategies for what random programs register: hooks, error handlers, signals, views and blueprints."""

from __future__ import annotations

from textwrap import indent

from hypothesis import strategies as st

from tests.differential.bodies import bodies, function, one_in

#: Rules, each with paths that match it or nearly do.
RULES: dict[str, list[str]] = {
    "/": ["/", ""],
    "/a": ["/a", "/a/", "//a"],
    "/a/": ["/a/", "/a"],
    "/a/b": ["/a/b", "/a/b/", "/a//b"],
    "/b//c": ["/b//c", "/b/c"],
    "/<x>": ["/xy", "/ü", "/a%20b", "/xy/"],
    "/<x>/": ["/xy/", "/xy", "/%2F/"],
    "/<int:n>": ["/7", "/07", "/-1", "/x"],
    "/a/<x>/c": ["/a/ü/c", "/a/b/c", "/a/%2F/c"],
    "/<path:p>": ["/one/two", "/x//y", "/x"],
    "/<path:p>/end": ["/x/y/end", "/end/end", "/x/end/"],
    "/v<int:n>.json": ["/v12.json", "/vx.json"],
    "/<any(one, two):k>": ["/one", "/two", "/three"],
    "/f/<float:f>": ["/f/1.5", "/f/1", "/f/-1.5"],
    "/f/<float(signed=True):f>": ["/f/-1.5", "/f/2.0"],
    "/i/<int(signed=True):n>": ["/i/-3", "/i/3", "/i/--3"],
    "/i/<int(fixed_digits=3):n>": ["/i/007", "/i/7"],
    "/s/<string(length=2):x>": ["/s/ab", "/s/abc"],
    "/s/<string(minlength=2, maxlength=3):x>": ["/s/abc", "/s/a"],
    "/u/<uuid:u>": ["/u/12345678-1234-5678-1234-567812345678", "/u/1"],
    "/r/<int(min=2, max=9):n>/<x>": ["/r/3/z", "/r/1/z", "/r/10/z"],
    "/own/<own:x>": ["/own/abc", "/own/xyz"],
    "/ü/<x>": ["/ü/e", "/%C3%BC/é"],
    "/a b/<x>-<int:n>": ["/a%20b/x-5", "/a b/x-y-5"],
    "/w|<x>": ["/w|ü", "/w%7Cx"],
}

#: Rules that are refused: rare, since the program ends there.
BAD_RULES = ["a", "", "/<nope:x>", "/<x>/<x>", "/<", "/<x"]

#: The first only for blueprints that are not nested: a rule must not name an argument twice.
PREFIXES = ["/<y>", "/p", "/p/", "/p/q", "/"]

METHODS = [
    None, ["GET"], ["POST"], ["GET", "POST"], ["PUT", "delete"], ["OPTIONS", "GET"], ["HEAD"], [], ["PATCH", "TRACE"],
]  # fmt: skip

RULE_OPTIONS = [
    "strict_slashes=False", "defaults={'x': 'given'}", "defaults={'n': 7}", "endpoint='other'", "redirect_to='/a'",
    "provide_automatic_options=False", "provide_automatic_options=True", "merge_slashes=False", "build_only=True",
    "alias=True", "subdomain='sub'", "subdomain='<s>'", "host='example.org'", "host='<h>.example.org'",
    "websocket=True",
]  # fmt: skip

ERRORS = [
    "400", "403", "404", "405", "409", "413", "415", "418", "500", "ValueError", "KeyError", "LookupError", "Problem",
    "Exception", "HTTPException", "NotFound", "InternalServerError", "BadRequestKeyError", "Teapot", "RequestRedirect",
]  # fmt: skip

HANDLERS = [
    *["return 'handled', 490", "return 'handled'", "return {'handled': kind(error)}"] * 4,
    "return {'code': getattr(error, 'code', None)}, getattr(error, 'code', None) or 500",
    "return error",
    "return error.get_response()",
    "return str(getattr(error, 'description', kind(error))), 491",
    "return kind(getattr(error, 'original_exception', None)), 492",
    "return flask.render_template_string('{{ error }}', error=kind(error)), 500",
    "session['error'] = kind(error)\nreturn 'noted in the session', 493",
    "return (piece for piece in ('handled', ' in pieces'))",
    "raise ValueError('in a handler')",
    "raise Problem('in a handler') from error",
    "raise error",
    "raise",
    "flask.abort(404)",
    "return None",
    "note('handling', kind(sys.exc_info()[1]))\nreturn 'looked', 494",
]

BEFORE = [
    "return 'early', 250",
    "return {'early': True}",
    "flask.abort(403)",
    "raise Problem('before')",
    "g.value = 1",
    "session['before'] = True",
    "session.permanent = True",
    "flask.flash('before')",
    "note('matched', request.endpoint, str(request.view_args))",
    "if request.view_args:\n    request.view_args.pop('x', None)",
    "request.url_rule = None",
    "return flask.redirect('/early')",
    "flask.after_this_request(lambda response: (note('after this'), response)[1])",
    "return (piece for piece in 'early')",
]
AFTER = [
    *["response.headers['X-{name}'] = '1'\nreturn response"] * 12,
    "response.status_code = 255\nreturn response",
    "return flask.Response('replaced', 251)",
    "response.set_cookie('{name}', 'after')\nreturn response",
    "session['after'] = True\nreturn response",
    "response.call_on_close(lambda: note('closed', '{name}'))\nreturn response",
    "note('sequence', response.is_streamed, response.content_length)\nreturn response",
    "response.data = response.get_data() + b'!'\nreturn response",
    "raise Problem('after')",
    "return None",
    "del response.headers['Content-Type']\nreturn response",
]
TEARDOWN = [
    "note('teardown', '{name} context', flask.has_app_context(), flask.has_request_context())",
    "note('teardown', '{name} request', request.path, sorted(g))",
    "note('teardown', '{name} session', 'n' in session)",
]

SIGNALS = [
    "request_started", "request_finished", "request_tearing_down", "got_request_exception", "appcontext_tearing_down",
    "appcontext_pushed", "appcontext_popped", "template_rendered", "before_render_template", "message_flashed",
]  # fmt: skip

TEMPLATE_EXTRAS = [
    "@{owner}.{app}template_filter()\ndef shout(text):\n    return text.upper()\n",
    "@{owner}.{app}template_filter('shout')\ndef filter_by_name(text):\n    return Markup(f'<b>{{text}}</b>')\n",
    "{owner}.add_{app}template_test(lambda number: number % 2 == 0, 'even')\n",
    "@{owner}.{app}template_global()\ndef own():\n    return '<own>'\n",
    "@{owner}.{app}template_global(name='own')\ndef global_by_name():\n    return request.path\n",
]


def _hook(draw: st.DrawFn, owner: str, kind: str, number: int) -> str:
    """Returns the text of one hook; it notes its name, so that the order shows."""
    name = f"{owner}_{kind}_{number}"
    if kind.startswith("before"):
        # Most hooks let the request pass, or no view would ever run.
        text = function(name, "", f"'hook', {name!r}", draw(st.sampled_from([*["return None"] * 20, *BEFORE])))
    elif kind.startswith("after"):
        body = draw(st.sampled_from(AFTER)).replace("{name}", name.replace("_", "-"))
        text = function(name, "response", f"'hook', {name!r}, response.status_code", body)
    elif kind.startswith("teardown"):
        chosen = draw(st.integers(0, 15))
        # The first is the only one that may be left without a request.
        body = draw(st.sampled_from(TEARDOWN[: 1 if "appcontext" in kind else 3])) if chosen < 3 else ""
        body = body.replace("{name}", name)
        if chosen == 15:
            body = f"note('teardown failed', {name!r})\nraise Problem('teardown')"
        text = function(name, "error", f"'teardown', {name!r}, kind(error)", body)
    elif "preprocessor" in kind:
        body = draw(st.sampled_from(["", "", "values and values.pop('y', None)", "values.pop('x')", "g.value = 2"]))
        text = function(name, "endpoint, values", f"'hook', {name!r}, endpoint, str(values)", body)
    elif "url_defaults" in kind:
        body = draw(st.sampled_from(["values.setdefault('y', 'default')", "values['lang'] = 'de'", ""]))
        text = function(name, "endpoint, values", f"'hook', {name!r}, endpoint, str(values)", body)
    else:
        body = draw(st.sampled_from([f"return {{'extra': {name!r}}}", "return {'extra': request.path}", "return {}"]))
        text = function(name, "", f"'hook', {name!r}", body)
    if one_in(25, draw) and kind.startswith(("before", "after", "teardown")):
        text = f"async {text}"
    return f"{text}{owner}.{kind}({name})\n"


@st.composite
def hooks(draw: st.DrawFn, owner: str) -> str:
    """Draws hooks of the application or a blueprint."""
    kinds = ["before_request", "after_request", "teardown_request", "url_value_preprocessor", "context_processor"]
    kinds += ["before_request", "after_request", "teardown_request", "url_defaults"]
    if owner == "app":
        kinds += ["teardown_appcontext"]
    else:
        kinds += ["before_app_request", "after_app_request", "teardown_app_request", "app_url_value_preprocessor"]
        kinds += ["app_url_defaults", "app_context_processor"]
    chosen = draw(st.lists(st.sampled_from(kinds), max_size=4))
    text = "".join(_hook(draw, owner, kind, number) for number, kind in enumerate(chosen))
    if one_in(4, draw):
        extra = draw(st.sampled_from(TEMPLATE_EXTRAS))
        text += extra.format(owner=owner, app="" if owner == "app" else "app_")
    return text


@st.composite
def handlers(draw: st.DrawFn, owner: str) -> str:
    """Draws error handlers of the application or a blueprint."""
    text = ""
    for number, error in enumerate(draw(st.lists(st.sampled_from(ERRORS), max_size=3, unique=True))):
        name = f"{owner}_handler_{number}"
        text += function(name, "error", f"'handler', {name!r}, kind(error)", draw(st.sampled_from(HANDLERS)))
        way = draw(st.integers(0, 3))
        if way == 0:
            text += f"{owner}.register_error_handler({error}, {name})\n"
        else:
            decorator = "app_errorhandler" if way == 1 and owner != "app" else "errorhandler"
            text += f"{owner}.{decorator}({error})({name})\n"
    return text


@st.composite
def receivers(draw: st.DrawFn) -> str:
    """Draws receivers of the application's signals, in one of four programs.

    They are rare because costrel takes its long way where somebody listens.
    """
    if not one_in(4, draw):
        return ""
    text = ""
    for name in draw(st.lists(st.sampled_from(SIGNALS), min_size=1, max_size=4, unique=True)):
        body = draw(
            st.sampled_from(
                ["", "", "", "note({group}, {name} + ' context', flask.has_request_context(), sorted(extra))"]
            )
        )
        values = "kind(extra.get('exception', extra.get('exc'))), str(extra.get('message')), sender is app"
        # The end of a request has another place in the order of events where a body is streamed, see differences.py.
        group = "teardown" if "tearing_down" in name or name == "appcontext_popped" else "signal"
        body = body.format(group=repr(group), name=repr(name))
        text += function(f"on_{name}", "sender, **extra", f"{group!r}, {name!r}, {values}", body)
        text += f"flask.{name}.connect(on_{name}, app)\nreceivers.append((flask.{name}, on_{name}))\n"
    return text


def _class_based(draw: st.DrawFn, owner: str, name: str, rule: str, options: str) -> str:
    """Returns the text of a class-based view."""
    if draw(st.booleans()):
        text = f"class {name.title()}(MethodView):\n    init_every_request = {draw(st.booleans())}\n"
        for method in draw(st.lists(st.sampled_from(["get", "post", "put", "head", "options"]), unique=True)):
            entry = f"'view', '{owner}.{name}', {method!r}"
            text += indent(function(method, "self, **values", entry, draw(bodies())), "    ")
    else:
        text = f"class {name.title()}(View):\n    init_every_request = {draw(st.booleans())}\n"
        text += f"    methods = {draw(st.sampled_from(METHODS))!r}\n"
        if draw(st.booleans()):
            text += "    decorators = [decorated]\n"
        entry = f"'view', '{owner}.{name}', str(values)"
        text += indent(function("dispatch_request", "self, **values", entry, draw(bodies())), "    ")
    return f"{text}{owner}.add_url_rule({rule!r}{options}, view_func={name.title()}.as_view({name!r}))\n"


@st.composite
def routes(draw: st.DrawFn, owner: str) -> str:
    """Draws views of the application or a blueprint."""
    text = ""
    for number in range(draw(st.integers(1, 4))):
        name = f"view{number}"
        rule = draw(st.sampled_from(sorted(RULES) if not one_in(150, draw) else BAD_RULES))
        methods = draw(st.sampled_from([*[None] * 8, *METHODS]))
        options = "" if methods is None else f", methods={methods!r}"
        if one_in(4, draw):
            options += f", {draw(st.sampled_from(RULE_OPTIONS))}"
        way = draw(st.integers(0, 11))
        if way == 0:
            text += _class_based(draw, owner, name, rule, options)
            continue
        word = "async def" if one_in(40, draw) else "def"
        view = function(name, "**values", f"'view', '{owner}.{name}', str(values)", draw(bodies()), word)
        if way == 1 and methods is None:
            text += f"@{owner}.{draw(st.sampled_from(['get', 'post', 'put', 'delete', 'patch']))}({rule!r})\n{view}"
        elif way == 2 and "endpoint" not in options:
            text += f"{owner}.add_url_rule({rule!r}, endpoint={name!r}{options})\n@{owner}.endpoint({name!r})\n{view}"
        elif way == 3:
            text += f"@{owner}.route({rule!r}{options})\n@{owner}.route('/second/{name}')\n{view}"
        else:
            text += f"@{owner}.route({rule!r}{options})\n{view}"
    return text


@st.composite
def blueprints(draw: st.DrawFn, owner: str, parent: str, depth: int) -> str:
    """Draws a blueprint with all it has, registered on its parent; ``depth`` more may be nested in it."""
    options = ""
    if draw(st.booleans()):
        options += f", url_prefix={draw(st.sampled_from(PREFIXES if parent == 'app' else PREFIXES[1:]))!r}"
    for option in ("template_folder='part'", "static_folder='static'", "url_defaults={'d': 1}"):
        if one_in(4, draw):
            options += f", {option}"
    if one_in(16, draw):
        options += draw(st.sampled_from([", subdomain='sub'", ", subdomain='<s>'", ", static_url_path='/files'"]))
    text = f"{owner} = flask.Blueprint({owner!r}, 'program', root_path=ROOT{options})\n"
    text += draw(hooks(owner)) + draw(handlers(owner)) + draw(routes(owner))
    if depth and draw(st.booleans()):
        text += draw(blueprints(f"{owner}_inner", owner, depth - 1))
    if one_in(10, draw):
        text += f"@{owner}.record_once\n"
        text += function("recorded", "state", "'recorded', state.url_prefix, state.first_registration", "")
    registered = draw(st.sampled_from(["", "", ", url_prefix='/p'", ", name='renamed'", ", url_defaults={'e': 2}"]))
    text += f"{parent}.register_blueprint({owner}{registered})\n"
    if one_in(6, draw):
        text += f"{parent}.register_blueprint({owner}, name='again', url_prefix='/again')\n"
    return text
