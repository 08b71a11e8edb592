"""Random programs do the same with costrel as with Flask, and deliberate differences are what they are said to be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings

from tests.differential.applications import PROLOGUE
from tests.differential.differences import DIFFERENCES, Difference, settle
from tests.differential.programs import programs
from tests.differential.requesting import RAW_QUERY, UNREADABLE_SESSIONS
from tests.differential.worker import Worker, compare, make_folder

PAGE = Path(__file__).parents[2] / "docs" / "differences.md"


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Worker, Worker]]:
    """A process with Flask and one with costrel under its name, over the same folder of templates and files."""
    root = tmp_path_factory.mktemp("program")
    make_folder(root)
    with Worker("flask", root) as flask, Worker("costrel", root) as costrel:
        yield flask, costrel


# The programs are long, and most of the time is the frameworks'.
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(program=programs())
def test_random_programs_do_what_they_do_with_flask(workers: tuple[Worker, Worker], program: str) -> None:
    """Rules, answers, the order of hooks and teardown, signals, log records and URLs are equal."""
    pairs, names = settle(compare(program, *workers))
    for name in names:
        event(name)
    assert [(flask, costrel) for flask, costrel in pairs if flask != costrel] == []


#: One program for each row of the table, from the line after ``app`` has been made.
EXAMPLES = {
    "Control characters in the log are escaped": """
@app.route('/<x>')
def view(x):
    raise Problem
requests = [dict(read=9, path='/a%0Ab', method='GET')]
""",
    "An impossible status is refused": """
app.route('/<int:n>')(lambda n: ('a', n if n else 'no status at all'))
requests = [dict(read='client', path=f'/{n}', method='GET') for n in (0, 9, 99, 1000)]
""",
    "A name that a rule uses twice is a ValueError": "app.route('/<x>/<x>')(lambda x: x)\nrequests = []",
    "Pages of HTTP errors are complete bodies": """
@app.after_request
def after(response):
    note('sequence', response.is_streamed, response.content_length)
    return response
requests = [dict(read=9, path='/none', method='GET')]
""",
    "Small files are read at once": """
@app.after_request
def after(response):
    response.data = response.get_data() + b'!'
    return response
requests = [dict(read=9, path='/static/note.txt', method='GET')]
""",
    "call_on_close also works with direct_passthrough": """
@app.after_request
def after(response):
    response.call_on_close(lambda: note('closed', 'after'))
    return response
requests = [dict(read=9, path='/static/note.txt', method='GET')]
""",
    "Methods in Allow are sorted": """
app.route('/', methods=['PUT', 'PATCH', 'DELETE', 'GET', 'TRACE', 'POST', 'LINK'])(lambda: '')
requests = [dict(read=9, path='/', method='ODD')]
""",
    "An unreadable session is a new one": f"""
app.route('/')(lambda: str(len(session)))
requests = [dict(read=9, path='/', method='GET', headers={{'Cookie': 'session={UNREADABLE_SESSIONS[0]}'}})]
""",
    "Every teardown function runs": """
@app.teardown_request
def first(error):
    note('teardown', 'first', kind(error))
@app.teardown_request
def last(error):
    note('teardown failed', 'last')
    raise Problem
app.route('/')(lambda: '')
requests = [dict(read='client', path='/', method='GET')]
""",
    "Teardown functions run once": """
@app.teardown_request
def teardown(error):
    note('teardown', 'teardown', kind(error))
app.route('/')(lambda: flask.stream_template_string('{{ 1 }}{{ 1 // 0 }}'))
requests = [dict(read=9, path='/', method='GET')]
""",
    "Teardown functions run after the body": """
@app.teardown_request
def teardown(error):
    note('teardown', 'teardown', kind(error))
app.route('/')(lambda: iter('ab'))
requests = [dict(read=9, path='/', method='GET')]
""",
    "Teardown functions are told errors of the body": """
@app.teardown_request
def teardown(error):
    note('teardown', 'teardown', kind(error))
@app.route('/')
def view():
    def pieces():
        yield 'a'
        raise Problem
    return pieces()
requests = [dict(read=9, path='/', method='GET')]
""",
    "A stream has its context only while a chunk is made": """
app.route('/')(lambda: flask.stream_with_context(request.path for _ in range(2)))
requests = [dict(read=9, path='/', method='GET')]
""",
    "There is one context": """
@app.route('/')
def view():
    return ''
def pushed(sender):
    note('signal', 'appcontext_pushed context', flask.has_request_context())
flask.appcontext_pushed.connect(pushed, app)
receivers.append((flask.appcontext_pushed, pushed))
requests = [dict(read=9, path='/', method='GET')]
""",
    "Raw bytes in a query string are a bad request": f"""
app.route('/')(lambda: str(request.args))
requests = [dict(read=9, path='/', method='GET', environ_overrides={{'QUERY_STRING': {RAW_QUERY!r}}})]
""",
}


@pytest.mark.parametrize("difference", DIFFERENCES, ids=[difference.name for difference in DIFFERENCES])
def test_each_deliberate_difference_is_there(workers: tuple[Worker, Worker], difference: Difference) -> None:
    """Without its row in the table a difference fails the comparison, and the page about differences describes it."""
    program = f"{PROLOGUE}app = flask.Flask('program', root_path=ROOT)\napp.secret_key = 'key'\n"
    pairs = compare(program + EXAMPLES[difference.name], *workers)
    assert [flask for flask, costrel in pairs if flask != costrel] != []
    pairs, names = settle(pairs)
    assert [(flask, costrel) for flask, costrel in pairs if flask != costrel] == []
    assert difference.name in names
    section = re.search(rf"^## {difference.heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert section is not None
    assert difference.words in " ".join(section[1].split())
