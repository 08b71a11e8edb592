"""What the views of random programs do: statements that come first, and ways to end, by topic."""

from __future__ import annotations

from textwrap import indent

from hypothesis import strategies as st

#: Statements before the end of a view. Several of them may follow each other.
STEPS: dict[str, list[str]] = {
    "session": [
        "session['n'] = session.get('n', 0) + 1",
        "session.permanent = True",
        "session.permanent = False",
        "session['t'] = (1, b'b', Markup('<i>'), UUID(int=7), datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone.utc))",
        "session['l'] = []",
        "session.setdefault('l', []).append(len(session))",
        "session.setdefault('l', []).append(1)\nsession.modified = True",
        "session['d'] = {'a': {'b': [None, True, 1.5, 'ü']}, ' t': 1}",
        "session['long'] = 'long ' * 40",
        "session['longer'] = [number ** 3 for number in range(400)]",
        "session['huge'] = ''.join(chr(33 + number * 7919 % 90) for number in range(6000))",
        "session.pop('n', None)",
        "session.clear()",
        "session.update(a=1, b='two')",
        "note('session', sorted(map(str, session.items())))",
        "note('session', session.new, session.modified, session.permanent, session.accessed)",
        "note('session', 'n' in session, bool(session), len(session), session.get('n'))",
    ],
    "flash": [
        "flask.flash('seen', 'news')",
        "flask.flash('<b>plain</b>')",
        "flask.flash(Markup('<b>safe</b>'), 'html')",
        "note('flashes', flask.get_flashed_messages())",
        "note('flashes', flask.get_flashed_messages(with_categories=True))",
        "note('flashes', flask.get_flashed_messages(category_filter=['news']))",
    ],
    "after": [
        "@flask.after_this_request\ndef after(response):\n    note('after this', response.status)\n    return response",
        "@flask.after_this_request\ndef after(response):\n    response.headers['X-After'] = '1'\n    return response",
        "@flask.after_this_request\ndef after(response):\n    return flask.Response('replaced', 252)",
        "@flask.after_this_request\ndef after(response):\n    session['after'] = True\n    return response",
        "@flask.after_this_request\ndef after(response):\n"
        "    response.call_on_close(lambda: note('closed', 'after this'))\n    return response",
        "@flask.after_this_request\ndef after(response):\n    response.data = b'new data'\n    return response",
    ],
    "context": [
        "g.value = 5",
        "note('g', sorted(g), g.get('value'), 'value' in g, g.pop('value', 'gone'), g.setdefault('more', 1))",
        "note('contexts', flask.has_app_context(), flask.has_request_context(), current_app.name)",
        "with current_app.test_request_context('/inner?i=1', method='POST'):\n"
        "    note('inner', request.method, request.path, request.args.get('i'), sorted(g))",
        "with current_app.app_context():\n    note('inner', sorted(g), flask.has_request_context())",
        "note('copied', flask.copy_current_request_context(lambda: request.path)())",
        "if 'nested' not in request.headers:\n"
        "    note('nested', current_app.test_client().get('/static/note.txt', headers={'nested': '1'}).status)",
        "note(repr(request), repr(g)[:10], repr(current_app))",
    ],
    "log": [
        "current_app.logger.warning('careful with %s', 'this')",
        "current_app.logger.info('for information')",
        "current_app.logger.debug('in detail')",
        "try:\n    raise Problem('logged')\nexcept Problem:\n    current_app.logger.exception('as expected')",
    ],
    "request": [
        "note('args', request.args.to_dict(flat=False))",
        "note('form', request.form.to_dict(flat=False))",
        "note('values', sorted(request.values.items(multi=True)))",
        "note('files', [(name, file.filename, file.mimetype, file.read()) for name, file in request.files.items()])",
        "note('data', request.get_data())",
        "note('stream', request.stream.read(4))",
        "note('json', request.get_json(silent=True))",
        "note('cookies', sorted((k, v) for k, v in request.cookies.items() if k not in ('session', 'other')))",
        "note('url', request.url, request.base_url, request.root_url, request.full_path, request.host_url)",
        "note('place', request.path, request.script_root, request.root_path, request.host, request.scheme)",
        "note('rule', str(request.url_rule), request.endpoint, request.blueprint, request.blueprints)",
        "note('view_args', str(request.view_args), repr(request.routing_exception))",
        "note('kind', request.is_json, request.mimetype, request.content_length, request.is_secure, request.method)",
        "note('from', request.remote_addr, list(request.access_route), request.referrer, request.origin)",
        "note('accept', str(request.accept_mimetypes), request.accept_languages.best_match(['de', 'en']))",
        "note('conditions', str(request.if_none_match), str(request.if_modified_since), str(request.range))",
        "note('auth', kind(request.authorization), request.authorization and request.authorization.parameters)",
        "note('agent', request.user_agent.string[:8])",
        "note('limits', request.max_content_length, request.max_form_memory_size, request.max_form_parts)",
        "note('headers', sorted((k, v) for k, v in request.headers.items() if k.startswith('X-')))",
    ],
    # These often fail, and what comes after them is not seen.
    "faulty": [
        "session[1] = 'number'",
        "session['odd'] = object()",
        "session.pop('absent')",
        "del session['n']",
        "session.popitem()",
        "note('json', request.get_json(force=True))",
        "request.max_content_length = 5",
        "request.max_form_parts = 1",
        "request.max_form_memory_size = 2",
        "@flask.after_this_request\ndef after(response):\n    raise Problem('after this')",
    ],
}

#: The last statements of a view. ``values`` are the view's arguments.
ENDS: dict[str, list[str]] = {
    "text": [
        "return 'text'",
        "return ''",
        "return 'ü\\u20ac'",
        "return Markup('<b>')",
        "return b'\\x00bytes\\xff'",
        "return bytearray(b'array')",
        "return str(sorted(values.items(), key=str))",
        "return f'{request.endpoint} {request.blueprint} {request.url_rule}'",
        "return str(dict(session))",
        "return str(session.get('n'))",
        "return str(flask.get_flashed_messages(with_categories=True))",
        "return current_app.name + str(current_app.debug) + str(current_app.testing)",
    ],
    "tuple": [
        "return 'made', 201",
        "return 'made', '299 Odd'",
        "return 'made', HTTPStatus.ACCEPTED",
        "return '', 204",
        "return 'not modified', 304",
        "return 'headers', {'X-One': '1', 'Content-Type': 'text/plain'}",
        "return 'list', 202, [('X-Two', 'a'), ('X-Two', 'b')]",
        "return b'bytes', 203, {'Content-Length': '5', 'X-List': ['a', 'b']}",
        "return {'error': True}, 418, {'X-Three': '3'}",
        "return [1], 207",
        "return flask.Response('object', status=203), 206, {'X-Four': '4'}",
        "return flask.Response('object', content_type='text/x'), {'Content-Type': 'text/y'}",
        "return (piece for piece in 'ab'), 208, {'X-Stream': '1'}",
        "return flask.redirect('/a'), {'X-To': 'a'}",
        "return 'headers', Headers([('X-Six', '6'), ('Set-Cookie', 'a=b')])",
    ],
    "invalid": [
        "return None",
        "return None, 200",
        "return 1.5",
        "return True",
        "return object()",
        "return {1, 2}",
        "return ()",
        "return 'alone',",
        "return 'a', 200, {}, 'four'",
        "return 'a', '299 no such name'",
        "return 'a', ''",
        "return 'a', None",
        "return 'a', 200, None",
        "return 'a', {}, 200",
        "return 'a', 'X: 1'",
        "return 'a', 2.5",
        "return 'a', b'200 OK'",
        "return ('a', 200), 300",
        "return {'a': object()}",
        "return {(1, 2): 3}",
        "return 'a', 200, {'X-Line': 'a\\nb'}",
        "return 'a', 200, {'X-Number': 5, 'X-None': None}",
        "return 'a', 200, [('X-One',)]",
        "return flask.Response, 200",
        "return view_that_is_not_there",
        "return lambda: 'no application'",
    ],
    "response": [
        "return flask.Response('object', mimetype='text/plain')",
        "return flask.Response(['a', b'b', 'ü'])",
        "return flask.Response(b'', status=205, headers={'X-Empty': ''})",
        "return flask.Response({'a': 1})",
        "return BaseResponse('of werkzeug', 230)",
        "return flask.make_response(('made', 207))",
        "return flask.make_response()",
        "return flask.make_response('one', 240)",
        "response = flask.make_response('cookie')\nresponse.set_cookie('c', 'v ü;', max_age=9, httponly=True)\n"
        "response.set_cookie('d', expires=0, path='/a', samesite='Lax', secure=True)\nresponse.delete_cookie('e')\n"
        "return response",
        "response = flask.Response('tagged')\nresponse.add_etag()\nreturn response.make_conditional(request)",
        "response = flask.Response(b'0123456789')\n"
        "return response.make_conditional(request, accept_ranges=True, complete_length=10)",
        "response = flask.Response('cached')\nresponse.cache_control.max_age = 5\nresponse.vary.add('Cookie')\n"
        "response.content_language.add('de')\nresponse.last_modified = datetime(2020, 1, 1)\nreturn response",
        "response = flask.Response('status')\nresponse.status = '260 Own'\nreturn response",
        "response = flask.Response()\nresponse.stream.write('written')\nreturn response",
        "response = flask.jsonify(a=1)\nnote('json', response.json, response.is_json)\nreturn response",
        "return Teapot('returned')",
        "return NotFound()",
        "return lambda environ, start: (start('208 Odd', [('X-Five', '5')]), [b'wsgi'])[1]",
        "def application(environ, start):\n    start('200 OK', [('Content-Type', 'text/plain')])(b'written')\n"
        "    return [b' and returned']\nreturn application",
        "def application(environ, start):\n    note('called', environ['PATH_INFO'])\n    raise Problem()\n"
        "return application",
    ],
    "redirect": [
        "return flask.redirect('/a')",
        "return flask.redirect('/ü?q=ä b', 307)",
        "return flask.redirect('https://example.org/', code=308)",
        "return flask.redirect('relative')",
        "return flask.redirect(flask.url_for(request.endpoint, **values), 303)",
        "return flask.redirect('/a', Response=BaseResponse)",
        "raise RequestRedirect('/redirected')",
    ],
    "abort": [
        "flask.abort(404)",
        "flask.abort(403, 'not <you>')",
        "flask.abort(flask.Response('aborted', 409))",
        "flask.abort(405, valid_methods=['PUT', 'GET'])",
        "flask.abort(401, www_authenticate=WWWAuthenticate('basic', {'realm': 'r'}))",
        "flask.abort(429, retry_after=5)",
        "flask.abort(413)",
        "flask.abort(416, length=10)",
        "flask.abort(500)",
        "flask.abort(503, response=flask.Response('later', 503))",
        "flask.abort(999)",
        "raise Teapot('short')",
        "raise NotFound(response=flask.Response('own', 404))",
        "raise BadRequestKeyError('wanted')",
        "return request.args['q']",
        "return request.form['f']",
        "return request.files['file'].filename",
        "return request.cookies['c']",
        "return request.headers['X-One']",
    ],
    "raise": [
        "raise ValueError('value')",
        "raise KeyError('key')",
        "raise Problem('problem')",
        "raise Problem from ValueError('cause')",
        "raise RuntimeError",
        "raise Exception('<b>')",
        "raise BaseProblem('base')",
        "raise type('Own', (Teapot, ValueError), {})('both')",
        "try:\n    raise KeyError('inner')\nexcept KeyError:\n    flask.abort(400)",
    ],
    "json": [
        "return {'values': {k: str(v) for k, v in values.items()}, 'b': 1, 'a': [None, 'ü', True, 1e100]}",
        "return [1, 2.5, str(values), '</script>']",
        "return {}",
        "return []",
        "return {1: 'one', 2: 'two'}",
        "return {'a': 1, 2: 'mixed'}",
        "return {'when': datetime(2020, 1, 2, 3, 4, 5), 'day': date(2020, 1, 2), 'id': UUID(int=5)}",
        "return {'much': Decimal('1.10'), 'safe': Markup('<i>'), 'record': Record(1, ['x']), 'pair': (1, 2)}",
        "return {'nan': float('nan'), 'infinite': float('inf')}",
        "return {'tuple': {(1, 2): 3}}",
        "return {'many': {1, 2}}",
        "return flask.jsonify(a=1, b='<ü>')",
        "return flask.jsonify(1, 2)",
        "return flask.jsonify([1, {'z': 1, 'a': 2}])",
        "return flask.jsonify()",
        "return flask.jsonify(None)",
        "return flask.jsonify(1, a=2)",
        "return flask.jsonify(Record(2, {'k': Decimal(3)}))",
        "return flask.json.dumps({'b': 1, 'a': datetime(2020, 1, 1)}, indent=1)",
        "return {'loaded': flask.json.loads('[1, {\"a\": null}]')}",
        "return {'json': request.get_json()}",
        "return {'json': request.get_json(force=True)}",
        "return {'json': request.get_json(silent=True), 'again': request.get_json(silent=True, cache=False)}",
        "return {'json': request.json, 'is': request.is_json}",
    ],
    "stream": [
        "return (piece for piece in ('one', b'two', 'ü'))",
        "return iter(['one', 'two'])",
        "return flask.Response(iter(()), 206)",
        "def pieces():\n    note('first')\n    yield 'a'\n    note('last', flask.has_app_context())\n    yield 'b'\n"
        "return pieces()",
        "def pieces():\n    try:\n        yield 'a'\n        yield 'b'\n    finally:\n        note('closed', 'it')\n"
        "return flask.Response(pieces(), mimetype='text/plain')",
        "def pieces():\n    yield 'a'\n    raise Problem('in the middle')\nreturn pieces()",
        "def pieces():\n    raise Problem('at once')\n    yield 'a'\nreturn pieces()",
        "def pieces():\n    yield 'a'\n    yield request.path\nreturn pieces()",
        "def pieces():\n    yield 'a'\n    yield 5\nreturn pieces()",
        "@flask.stream_with_context\ndef pieces():\n    yield request.method\n    note('session', 'n' in session)\n"
        "    yield request.path\nreturn pieces()",
        "def pieces():\n    try:\n        yield request.method\n        yield str(values)\n    finally:\n"
        "        note('closed', flask.has_request_context())\nreturn flask.stream_with_context(pieces())",
        "def pieces():\n    yield request.method\n    raise Problem('in the middle')\n"
        "return flask.Response(flask.stream_with_context(pieces()))",
        "class Pieces:\n    def __iter__(self):\n        return iter([b'1', b'2'])\n    def close(self):\n"
        "        note('pieces closed')\nreturn flask.Response(Pieces(), headers={'Content-Length': '2'})",
        "response = flask.Response(x for x in 'abc')\nresponse.call_on_close(lambda: note('closed', 'stream'))\n"
        "return response",
        "return flask.Response((piece for piece in (b'raw',)), direct_passthrough=True)",
        "return flask.stream_template('page.html', values=values)",
        "return flask.stream_template_string('{% for x in range(3) %}{{ x }}{{ request.path }}{% endfor %}')",
        "return flask.stream_template_string('{{ 1 }}{{ 1 // 0 }}')",
    ],
    "template": [
        "return flask.render_template('page.html', values=values)",
        "return flask.render_template('child.html', title='<t>')",
        "return flask.render_template('part.html')",
        "return flask.render_template('plain.txt', text='<t>')",
        "return flask.render_template('image.svg', text='<t>')",
        "return flask.render_template(['gone.html', 'plain.txt'], text='&')",
        "return flask.render_template('gone.html')",
        "return flask.render_template('broken.html')",
        "return flask.render_template('folder/../page.html')",
        "return flask.render_template_string('{{ request.method }} {{ g.value }} {{ \"<\" }} {{ extra }}')",
        "return flask.render_template_string('{{ session.n }} {{ config.TESTING }} {{ x }}', x=Markup('<i>'))",
        "return flask.render_template_string('{% extends \"base.html\" %}{% block body %}{{ super() }}{% endblock %}')",
        "return flask.render_template_string('{{ get_flashed_messages(true) }}{{ values|tojson }}', values=['<', 1])",
        'return flask.render_template_string(\'{{ url_for("static", filename="a b") }}{{ url_for("nowhere") }}\')',
        "return flask.render_template_string('{% autoescape false %}{{ \"<\" }}{% endautoescape %}{{ gone.name }}')",
        "return flask.render_template_string('{{ \"word\"|shout }}{{ 4 is even }}{{ own() }}')",
        'return flask.render_template_string(\'{% from "macros.html" import bold %}{{ bold("<") }}{{ extra }}\')',
        'return flask.render_template_string(\'{% include ["gone.html", "part.html"] ignore missing %}\')',
        "return flask.render_template_string('{{ request.args.q }}{{ request.form.f }}{{ request.view_args }}')",
        "return flask.get_template_attribute('macros.html', 'bold')('<word>')",
        "return flask.render_template_string('{% for')",
        "return str(sorted(set(current_app.jinja_env.globals) & {'url_for', 'config', 'request', 'own', 'range'}))",
    ],
    "file": [
        "return flask.send_from_directory('static', 'note.txt')",
        "return flask.send_from_directory(ROOT + '/static', 'ü.css', as_attachment=True)",
        "return flask.send_from_directory('static', '../secret.txt')",
        "return flask.send_from_directory('static', 'gone.txt')",
        "return flask.send_file('static/note.txt')",
        "return flask.send_file(ROOT + '/static/note.txt', conditional=False, etag=False)",
        "return flask.send_file('static/note.txt', etag='own', max_age=7, last_modified=1600000000)",
        "return flask.send_file('static/note.txt', download_name='ä b.txt', as_attachment=True)",
        "return flask.send_file('gone.txt')",
        "return flask.send_file(BytesIO(b'0123456789'), mimetype='text/x-own')",
        "return flask.send_file(BytesIO(b'0123456789'), download_name='data.bin', etag=False)",
        "return flask.send_file(BytesIO(b'no name'))",
        "return current_app.send_static_file('note.txt')",
        "with current_app.open_resource('secret.txt', 'r') as file:\n    return file.read()",
        "return str(current_app.get_send_file_max_age('note.txt'))",
    ],
    "url": [
        "return flask.url_for('.view0', **values)",
        "return flask.url_for('view0', x='a b', n=5, _anchor='here')",
        "return flask.url_for('view1', x='ü/', p='a/b', _external=True)",
        "return flask.url_for('view0', _scheme='https', _external=True, q=['a', 'b'], none=None)",
        "return flask.url_for('part0.view0', x='y', y='z')",
        "return flask.url_for('static', filename='ü.css', _method='GET')",
        "return flask.url_for('.static', filename='note.txt')",
        "return flask.url_for(request.endpoint, **{**values, 'more': '&'})",
        "return flask.url_for('nowhere')",
        "return flask.url_for('view0', _scheme='https')",
        "return current_app.url_for('view0', _external=False, x=1, n='text')",
        "return current_app.url_map.bind('other.example.org').build('static', {'filename': 'f'})",
    ],
}


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Draws the statements of a view."""
    text = ""
    often = sorted(STEPS.keys() - {"faulty"})
    for topic in draw(st.lists(st.sampled_from([*often, *often, "faulty"]), max_size=2)):
        text += draw(st.sampled_from(STEPS[topic])) + "\n"
    # Values that views usually return come more often, so that the hooks after them see more than errors.
    topics = [*sorted(ENDS), *["text", "json", "tuple", "response", "stream", "template", "file", "url"] * 2]
    return text + draw(st.sampled_from(ENDS[draw(st.sampled_from(topics))]))


def function(name: str, arguments: str, entry: str, body: str, word: str = "def") -> str:
    """Returns the text of a function that notes the entry first."""
    return f"{word} {name}({arguments}):\n    note({entry})\n{indent(body or 'pass', '    ')}\n"


def one_in(number: int, draw: st.DrawFn) -> bool:
    """Tells by chance, so that one in so many is true.

    Hypothesis likes the ends of a range better than what is between.
    """
    return draw(st.integers(0, number - 1)) == number // 2
