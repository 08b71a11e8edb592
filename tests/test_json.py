"""JSON functions that follow the current app, and work without one."""

from __future__ import annotations

import io
import json as stdlib_json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from markupsafe import Markup

from costrel import App, json
from costrel.serialize import DefaultJSONProvider
from costrel.tags import TaggedJSONSerializer
from tests.support.frameworks import assert_same_as_flask


class Marked(DefaultJSONProvider):
    """A provider whose work can be recognised."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps({"dumped": obj}, **kwargs)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return {"loaded": super().loads(s, **kwargs)}


@pytest.fixture
def marked(app: App) -> App:
    """An app with the provider above."""
    app.json = Marked(app)
    return app


def test_without_an_app() -> None:
    """Without an app the functions do what ``json`` does, with more types."""
    assert json.dumps({"b": 1, "a": Decimal("1.5")}) == '{"b": 1, "a": "1.5"}'
    assert json.dumps([1], separators=(",", ":"), default=repr) == "[1]"
    assert json.loads(b"[1.5]", parse_float=Decimal) == [Decimal("1.5")]
    file = io.StringIO()
    json.dump({"x": UUID(int=1)}, file, indent=0)
    assert file.getvalue() == '{\n"x": "00000000-0000-0000-0000-000000000001"\n}'
    assert json.load(io.StringIO("[2.5]"), parse_float=Decimal) == [Decimal("2.5")]
    with pytest.raises(TypeError, match="Object of type object is not JSON serializable"):
        json.dumps(object())


def test_with_an_app(marked: App) -> None:
    """Inside an app context its provider does the work, with all arguments."""
    file = io.StringIO()
    with marked.app_context():
        assert json.dumps([1], indent=None) == '{"dumped": [1]}'
        json.dump([2], file, separators=(",", ":"))
        assert json.loads("[3]") == {"loaded": [3]}
        assert json.load(io.BytesIO(b"[4]")) == {"loaded": [4]}
    assert file.getvalue() == '{"dumped":[2]}'
    assert json.dumps([1]) == "[1]"


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ((), {}, None),
        (([1, "é"],), {}, [1, "é"]),
        ((1, 2), {}, [1, 2]),
        ((), {"b": 1, "a": Markup("<b>")}, {"a": "<b>", "b": 1}),
    ],
)
def test_jsonify(app: App, args: tuple[Any, ...], kwargs: dict[str, Any], expected: Any) -> None:
    """``jsonify`` makes a response of the app's class from one value, several, keywords or nothing."""
    with app.app_context():
        response = json.jsonify(*args, **kwargs)
    assert type(response) is app.response_class
    assert (response.mimetype, response.status_code) == ("application/json", 200)
    assert response.data.decode() == stdlib_json.dumps(expected, separators=(",", ":")) + "\n"


def test_jsonify_with_both(app: App) -> None:
    """Positional and keyword arguments at once are an error."""
    with app.app_context(), pytest.raises(TypeError, match="either args or kwargs"):
        json.jsonify(1, a=2)


def test_jsonify_without_an_app() -> None:
    """``jsonify`` needs an app, and the error says so."""
    with pytest.raises(RuntimeError, match="outside of application context"):
        json.jsonify(1)


def test_tags_follow_the_app(app: App) -> None:
    """Tagged JSON is written with the settings of the current app's provider, and without one as it comes."""
    serializer = TaggedJSONSerializer()
    value = {"b": (1,), "a": datetime(2024, 2, 29, tzinfo=timezone.utc)}
    as_it_comes = '{"b":{" t":[1]},"a":{" d":"Thu, 29 Feb 2024 00:00:00 GMT"}}'
    assert serializer.dumps(value) == as_it_comes
    with app.app_context():
        text = serializer.dumps(value)
        assert text == '{"a":{" d":"Thu, 29 Feb 2024 00:00:00 GMT"},"b":{" t":[1]}}'
        assert serializer.loads(text) == value
    app.json.sort_keys = False  # pyright: ignore[reportAttributeAccessIssue]
    with app.app_context():
        assert serializer.dumps(value) == as_it_comes


PROGRAM = """
import dataclasses, io
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from markupsafe import Markup

@dataclasses.dataclass
class Point:
    x: int
    y: object = None

values = [
    None, True, 1, 1.5, float("nan"), "é", [], {}, (1, 2), {"b": 1, "a": [2]}, {1: 2}, Decimal("1.0"), UUID(int=3),
    date(2024, 2, 29), datetime(2024, 2, 29, 1, 2, 3), datetime(2024, 2, 29, tzinfo=timezone(timedelta(hours=5))),
    Point(1, Point(2)), Markup("<b>"), {"x": Point(1)}, b"", {1, 2}, object, Point, {(1, 2): 3}, {"a": 1, 2: 3},
]
app = App("x")
result = []

def attempt(function, value):
    try:
        return function(value)
    except Exception as error:
        return type(error).__name__

def both(value):
    file = io.StringIO()
    framework.json.dump(value, file)
    return framework.json.dumps(value), file.getvalue(), framework.json.dumps(value, indent=1)

def body(value):
    response = framework.jsonify(value)
    return response.get_data(as_text=True), response.headers.to_wsgi_list()

for value in values:
    result.append(attempt(both, value))
for debug in (False, True):
    app.debug = debug
    with app.app_context():
        for value in values:
            result.append([attempt(both, value), attempt(body, value)])
for text in ("1", " [1]\\n", b"{}", b"\\xff\\xfe1\\0", "", "x", "1 2", "\\ufeff1", b"\\xef\\xbb\\xbf1", None):
    result.append(attempt(framework.json.loads, text))
"""


def test_same_as_flask() -> None:
    """Every value gives the text, or the kind of error, that Flask gives, in and out of an app and debug mode."""
    assert len(assert_same_as_flask(PROGRAM)) == 3 * 25 + 10
