"""Random programs do the same with costrel as with the real Flask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from tests.differential.programs import programs
from tests.differential.worker import Worker


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Worker, Worker]]:
    """A process with Flask and one with costrel, over the same folder of templates and files."""
    root = tmp_path_factory.mktemp("program")
    files = {
        "templates/page.html": "{{ request.path }} {{ values }} {{ extra }} {{ session.n }} {{ config.DEBUG }}",
        "part/part.html": "part {{ extra }} {{ url_for(request.endpoint, **request.view_args) }}",
        "part/page.html": "hidden",
        "static/note.txt": "a note",
        "secret.txt": "a secret",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    with Worker("flask", root) as flask, Worker("costrel", root) as costrel:
        yield flask, costrel


@settings(max_examples=2 * settings().max_examples)
@given(program=programs())
def test_random_programs_do_what_they_do_with_flask(workers: tuple[Worker, Worker], program: str) -> None:
    """Rules, statuses, headers, bodies, the order of hooks, and URLs are equal."""
    flask, costrel = workers
    assert costrel.run(program) == flask.run(program)
