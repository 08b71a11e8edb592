"""JSON that is too deep, or has too long integers, is found before it is read; nothing else is refused."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from costrel import App, Request, request
from costrel.json_limits import check_json
from tests.support.frameworks import run_as_flask

VALUES = st.recursive(
    st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text('[]{}"\\ aü1', max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text('[{"\\1', max_size=4), inner, max_size=3)
    ),
)


def depth_of(value: Any) -> int:
    """Returns how many lists and dicts lie inside of each other."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def digits_of(value: Any) -> int:
    """Returns how many digits the longest integer has."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return max(map(digits_of, value), default=0)
    return len(str(abs(value))) if type(value) is int else 0


def accepts(data: bytes | str, max_depth: int | None, max_digits: int | None) -> bool:
    """Tells whether the text is within the limits."""
    try:
        check_json(data, max_depth, max_digits)
    except ValueError:
        return False
    return True


@given(VALUES, st.integers(0, 6), st.integers(1, 30), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be"]))
def test_the_limits_are_exact(value: Any, max_depth: int, max_digits: int, encoding: str) -> None:
    """A text is refused exactly where its values are deeper, or its integers longer, than the limit."""
    text = json.dumps(value, ensure_ascii=False)
    deep, long = depth_of(value) > max_depth, digits_of(value) > max_digits
    assert accepts(text.encode(encoding), max_depth, None) is not deep
    assert accepts(text.encode(encoding), None, max_digits) is not long
    assert accepts(text, max_depth, max_digits) is not (deep or long)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('{"a": "' + "[" * 50 + '"}', True),
        ('{"a": "\\"' + "[" * 50 + '"}', True),
        ('{"a": "\\\\"' + "," + "[" * 50, False),
        ("[]," * 50, True),
        ("[" * 50, False),
        ("[" * 50 + "]" * 50, False),
        ('{"a":' * 50, False),
        ('"unclosed ' + "[" * 50, True),
        ("1" * 50, False),
        ("-" + "1" * 50, False),
        ("-" + "1" * 10, True),
        ('"' + "1" * 50 + '"', True),
        ("0." + "1" * 50, True),
        ("1" * 50 + ".5", True),
        ("1" * 50 + "e5", True),
        ("[" + ",".join(["1234567890"] * 50) + "]", True),
    ],
)
def test_what_is_counted(text: str, fits: bool) -> None:
    """Brackets and digits in strings do not count, nor do those of fractions; ten of each are accepted."""
    assert accepts(text.encode(), 10, 10) is fits


@pytest.mark.parametrize("part", [b"[", b"[]", b'"', b'\\"', b"\\", b"1", b"1,", b'"\\', b"{}[", b'"1'])
def test_time_is_linear(part: bytes) -> None:
    """No body of 1 MiB takes long, however it is made; 64 kB take a sixteenth of that."""
    data = part * (2**20 // len(part))
    begun = time.process_time()
    accepts(data, 200, 4_300)
    assert time.process_time() - begun < 0.8


PROGRAM = """
import json
from {module} import request
app = App("program")
app.add_url_rule("/", "read", lambda: str(len(str(request.get_json())) + len(request.args)), methods=["POST"])
deep = "[" * 201 + "]" * 201
client = app.test_client()
result = [
    client.post("/" + query, data=body, content_type="application/json").status_code
    for query in ("", "?" + "a&" * 1000, "?" + "a&" * 1001)
    for body in ("[" * 200 + "]" * 200, deep, "1" * 4301)
]
"""


def test_requests_have_the_limits() -> None:
    """A native application has the limits from the start and answers 400 to what exceeds them."""
    app = App("program", root_path="/")
    app.config["MAX_JSON_INTEGER_DIGITS"] = 200

    @app.post("/")
    def read() -> dict[str, int]:
        request.get_json()
        return {"fields": len(request.args)}

    def post(body: str, query: str = "") -> int:
        return app.test_client().post(f"/?{query}", data=body, content_type="application/json").status_code

    assert post("[" * 200 + "]" * 200, "a&" * 1000) == 200
    assert post("[" * 201 + "]" * 201) == 400
    assert (post("9" * 200), post("9" * 201)) == (200, 400)
    assert post("1", "&".join(f"a{number}" for number in range(1001))) == 400
    app.config.update(MAX_JSON_DEPTH=None, MAX_JSON_INTEGER_DIGITS=None, MAX_QUERY_FIELDS=None)
    assert post("[" * 201 + "]" * 201, "&".join(f"a{number}" for number in range(1001))) == 200


def test_a_limit_may_be_set_for_one_request() -> None:
    """As with the other limits, a view may have its own; silently, what exceeds it is None."""
    app = App("program", root_path="/")
    with app.test_request_context("/?" + "a&" * 40, method="POST", json=[[["x" * 200]]]):
        request.max_json_depth = 2
        assert request.get_json(silent=True) is None
        request.max_json_depth = 3
        assert request.get_json() == [[["x" * 200]]]
        request.max_query_fields = 39
        with pytest.raises(BadRequest, match="has 40 fields; at most 39"):
            _ = request.args
        request.max_query_fields = 40
        assert request.args.getlist("a") == [""] * 40


def test_a_request_class_may_have_limits_of_its_own() -> None:
    """The attribute of a subclass comes before the setting."""

    class Strict(Request):
        max_json_depth = 1

    app = App("program", root_path="/")
    app.request_class = Strict
    with app.test_request_context("/", method="POST", json=[["x" * 200]]), pytest.raises(BadRequest):
        request.get_json()


def test_as_flask_has_no_such_limits() -> None:
    """Under ``costrel.as_flask`` deep JSON and long queries are read."""
    source = PROGRAM.format(module="flask")
    assert run_as_flask(source) == [200, 200, 400] * 3
