"""JSON by orjson is that of the default provider: the same text, the same values, the same errors."""

from __future__ import annotations

import collections
import enum
import importlib.util
import json
import math
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import hypothesis
import hypothesis.strategies as st
import pytest
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

import costrel.ext.fast_json as fast_json
from costrel import App, request, session
from costrel.ext.fast_json import FastJSONProvider
from costrel.serialize import DefaultJSONProvider
from tests.test_serialize import Colour, FakeApp, Html, Point

COMPACT = (",", ":")


def providers(debug: bool = False, **attributes: Any) -> tuple[FastJSONProvider, DefaultJSONProvider, FakeApp]:
    """Returns a fast and a default provider with the same attributes, and the app that they do not keep."""
    app = FakeApp(debug)
    pair = FastJSONProvider(app), DefaultJSONProvider(app)
    for provider in pair:
        for name, value in attributes.items():
            setattr(provider, name, value)
    return *pair, app


def outcome(function: Callable[[Any], Any], argument: Any) -> Any:
    """Returns what a function returns, or the class and the text of its error."""
    try:
        return function(argument)
    except Exception as error:
        return type(error), str(error)


class Text(str):
    """Text that shows itself in another way."""

    def __str__(self) -> str:
        return "shown"


class Number(int):
    """A number that shows itself in another way."""

    def __repr__(self) -> str:
        return "shown"


class Real(float):
    """The same with a fraction."""


class Items(list[Any]):
    """A list of a program's own."""


class Row(dict[str, Any]):
    """A dict whose items are others than those that it holds."""

    def items(self) -> Any:
        return [("other", 1)]


class Pair(NamedTuple):
    """A tuple with names."""

    left: Any
    right: Any


class Plain(enum.Enum):
    """An enum that is neither text nor number."""

    ONE = "one"
    DAY = date(2024, 2, 29)


class Word(str, enum.Enum):
    """An enum that is text."""

    YES = "yes"


#: Values of each type that the default provider knows, and some that it refuses.
VALUES: list[Any] = [
    *(date(2024, 2, 29), datetime(2024, 2, 29, 12, 30), datetime(2024, 2, 29, 12, 30, 1, 999_999)),
    datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=2))),
    *(Decimal("1.50"), Decimal("NaN"), uuid.UUID(int=5), uuid.uuid4()),
    *(
        Point(1, Point(2, date(2024, 2, 29))),
        Point(1, math.nan),
        Point(1, {"a": uuid.UUID(int=5)}),
        Point(2**70, {1: 2}),
    ),
    *(Html(), Markup("<i>"), Colour.RED, Word.YES, (1, (2,)), Pair(1, Pair("a", None))),
    *(math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1, 123456.789, Real(1.5), Real("nan"), None, True),
    *(2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**40, 0, Number(3), Number(2**70)),
    *(
        Text("inside"),
        Items([1, Items()]),
        Row(hidden=2),
        collections.OrderedDict(b=1, a=2),
        MultiDict([("a", 1), ("a", 2)]),
    ),
    *({}, [], (), "", {"": ""}, {1: "a"}, {1.5: {True: 0}}, {None: 1}, {Text("k"): 1}, {Colour.RED: 1}, {"a": 1, 2: 3}),
    *(
        "é",
        "\x7f",
        '\x00\x1f\b\f\n\r\t"/',
        "\\",
        "\\xé",
        "\\\\x41é",
        "😀",
        "é\U0010ffff\uffff",
        "\ud800",
        "\u2028",
        "U0001f600",
    ),
    *(
        {"é": "ÿ", "z": 1, "Z": 2, "\U0001f600": 3, "\uffff": 4},
        {"\udc00": 1},
        "null",
        ["null", None, "é"],
        [None, math.nan],
    ),
    *(["G\x7f\U0010ffff", None], [date(2024, 2, 29), None], [Point(0, None), math.inf], [date(2024, 2, 29), math.nan]),
    *(
        object(),
        {1, 2},
        b"bytes",
        Point,
        1j,
        time(1, 2),
        timedelta(1),
        {(1, 2): 3},
        {b"a": 1},
        range(3),
        [lambda: None],
    ),
]


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("sort_keys", [True, False])
@pytest.mark.parametrize("value", VALUES, ids=lambda value: ascii(value)[:40])
def test_same_text_for_every_type(value: Any, ensure_ascii: bool, sort_keys: bool) -> None:
    """Each type has the text that it has by the default provider, or the same error, alone and inside others."""
    fast, default, _app = providers(ensure_ascii=ensure_ascii, sort_keys=sort_keys)
    for obj in (value, {"b": [value], "a": None}, [{"x": value, "n": {"deep": (value, 1.5)}}], Point(1, [value])):
        expected = outcome(default.response_body, obj)
        assert outcome(fast.response_body, obj) == expected
        assert outcome(fast.body_encoder(), obj) == expected
        compact = outcome(lambda o: default.dumps(o, separators=COMPACT), obj)
        assert outcome(lambda o: fast.dumps(o, separators=COMPACT), obj) == compact
        assert outcome(fast.compact_encoder(), obj) == outcome(fast.dumps, obj) == compact
        assert outcome(lambda o: fast.dumps(o, indent=1), obj) == outcome(lambda o: default.dumps(o, indent=1), obj)
    for provider in (fast, default):
        provider.compact = False
    assert outcome(fast.response_body, [value]) == outcome(default.response_body, [value])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(VALUES[:60]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


def _with_python_floats(text: str) -> str:
    """Returns JSON with its floats written as Python writes them."""
    return json.dumps(json.loads(text), separators=COMPACT, ensure_ascii=text.isascii())


@hypothesis.settings(max_examples=300)
@hypothesis.given(json_values, st.booleans(), st.booleans())
def test_same_text_for_any_value(value: Any, ensure_ascii: bool, sort_keys: bool) -> None:
    """Compact text is that of the default provider, but for the exponents of floats."""
    fast, default, _app = providers(ensure_ascii=ensure_ascii, sort_keys=sort_keys)
    expected = outcome(default.response_body, value)
    found = outcome(fast.response_body, value)
    if found != expected:
        assert "e" in expected and found.isascii() == expected.isascii()
        assert _with_python_floats(found) == _with_python_floats(expected)


@hypothesis.given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_keep_their_value(number: float) -> None:
    """A float that was written is the same when it is read, by either provider."""
    fast, default, _app = providers()
    for write in (fast, default):
        for read in (fast, default):
            assert repr(read.loads(write.dumps([number]))) == repr([number])


def test_enums_become_their_values() -> None:
    """A member of any enum becomes its value, whichever library writes it."""
    fast, _default, _app = providers()
    assert fast.dumps([Plain.ONE, Plain.DAY]) == '["one","Thu, 29 Feb 2024 00:00:00 GMT"]'
    assert fast.dumps([Plain.ONE, 2**70]) == f'["one",{2**70}]'
    assert fast.dumps(Point(1, Plain.ONE), indent=None) == '{"inner": "one", "x": 1}'


def test_dumps_without_arguments_is_compact() -> None:
    """No white space is written unless it is asked for."""
    fast, _default, _app = providers()
    assert fast.dumps({"b": [1, 2], "a": 2**70}) == f'{{"a":{2**70},"b":[1,2]}}'
    assert fast.dumps({"b": [1, 2]}, separators=(", ", ": ")) == '{"b": [1, 2]}'


@pytest.mark.parametrize(
    "arguments",
    [
        {"indent": 2},
        {"sort_keys": False},
        {"ensure_ascii": False},
        {"default": repr},
        {"separators": (";", "=")},
        {"separators": COMPACT, "default": repr},
        {"skipkeys": True, "sort_keys": False},
        {"allow_nan": False},
        {"cls": json.JSONEncoder},
        {"check_circular": False},
        {"nonsense": 1},
    ],
)
def test_arguments_of_dumps(arguments: dict[str, Any]) -> None:
    """Keyword arguments do what they do for the default provider."""
    fast, default, _app = providers()
    for value in ({"b": "é", "a": [1, {}]}, {"s": {1}}, {"d": date(2024, 2, 29)}, {(1,): 2}, math.nan, [0.5]):
        expected = outcome(lambda o: default.dumps(o, **arguments), value)
        assert outcome(lambda o: fast.dumps(o, **arguments), value) == expected


def _isoformat_or_name(o: Any) -> Any:
    if isinstance(o, enum.Enum):
        return o.name
    if isinstance(o, uuid.UUID):
        return o.hex
    if isinstance(o, (date, time)):
        return o.isoformat()
    if isinstance(o, complex):
        return [o.real, {"imaginary": o.imag, "id": uuid.UUID(int=5), "plain": Plain.ONE}]
    if isinstance(o, set):
        return Real("nan")
    raise TypeError(f"no {o!r}")


DEFAULTS = [
    _isoformat_or_name,
    repr,
    lambda o: None,
    lambda o: [o],
    lambda o: 2**70,
    lambda o: 1 / 0,
    DefaultJSONProvider.default,
]


@pytest.mark.parametrize("default", DEFAULTS)
def test_a_default_of_ones_own(default: Callable[[Any], Any]) -> None:
    """A function of the program's own is asked about the types that orjson knows by itself, also those it returns."""
    fast, slow, _app = providers(default=default)
    for value in (*VALUES[:20], Plain.ONE, Word.YES, 1j, {1}, time(1, 2), [None, 1j], object, "text"):
        for obj in (value, [{"a": value, "b": 1}]):
            assert outcome(fast.response_body, obj) == outcome(slow.response_body, obj)


def test_a_default_as_a_method() -> None:
    """A subclass may have ``default`` as a method and call that of the class."""

    class Provider(FastJSONProvider):
        sort_keys = False

        def default(self, o: Any) -> Any:
            return sorted(o) if isinstance(o, set) else DefaultJSONProvider.default(o)

    app = FakeApp()
    assert Provider(app).response_body({"b": {2, 1}, "a": uuid.UUID(int=5)}) == (
        '{"b":[1,2],"a":"00000000-0000-0000-0000-000000000005"}\n'
    )


def test_settings_count_at_once() -> None:
    """An attribute counts from the moment when it is set."""
    fast, _default, _app = providers()
    assert fast.response_body({"b": "é", "a": 1}) == '{"a":1,"b":"\\u00e9"}\n'
    fast.ensure_ascii = False
    assert fast.response_body({"b": "é", "a": 1}) == '{"a":1,"b":"é"}\n'
    fast.sort_keys = False
    assert fast.response_body({"b": "é", "a": 1}) == '{"b":"é","a":1}\n'
    fast.compact = False
    assert fast.response_body([1]) == "[\n  1\n]\n"
    fast.mimetype = "application/vnd.api+json"
    assert fast.response(a=1).mimetype == "application/vnd.api+json"


def test_interruption_reaches_the_program() -> None:
    """What is no ``Exception`` leaves ``default`` as it was raised, and the work is not begun again."""
    calls: list[Any] = []

    def interrupted(o: Any) -> Any:
        calls.append(o)
        raise KeyboardInterrupt

    fast, _default, _app = providers(default=interrupted)
    with pytest.raises(KeyboardInterrupt):
        fast.dumps([object()])
    assert len(calls) == 1


@pytest.mark.parametrize("depth", [10, 250, 256, 600])
def test_deep_values(depth: int) -> None:
    """Deep values are written and read, also those that are too deep for orjson."""
    fast, default, _app = providers()
    value: Any = 1
    for _ in range(depth // 2):
        value = [{"a": value}]
    text = default.response_body(value)
    assert fast.response_body(value) == text
    assert fast.loads(text) == value


@pytest.mark.parametrize("shallow", [True, False])
@pytest.mark.parametrize("opening", ["[", '{"a":', '[1,{"]]":'])
@pytest.mark.parametrize("depth", [300, 640, 720, 1000, 1020, 1500])
def test_deep_documents(depth: int, opening: str, shallow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deep document is read, or the client's mistake, wherever it is for the default provider: never a failure."""
    monkeypatch.setattr(fast_json, "_SHALLOW", shallow and fast_json._SHALLOW)
    closing = "".join({"[": "]", "{": "}"}[c] for c in reversed(opening.replace('"]]"', "")) if c in "[{")
    body = opening * (depth // len(closing)) + "1" + closing * (depth // len(closing))
    statuses = []
    for app in (_fast_app(), _app()):
        app.add_url_rule("/depth", view_func=lambda: {"got": bool(request.get_json())}, methods=["POST"])
        for path in ("/depth", "/echo") if shallow else ("/depth",):
            statuses.append(app.test_client().post(path, data=body, content_type="application/json").status_code)
    assert set(statuses) <= {200, 400}
    if shallow:
        assert statuses[:2] == statuses[2:]


def test_brackets_in_text_are_no_levels() -> None:
    """A long document with brackets in its texts is not taken for a deep one, and one with many levels is."""
    flat = json.dumps([{"text": ":-] {[", "items": [[], [{}]]} for _ in range(200)]).encode()
    assert not fast_json._may_be_deep(flat)
    assert fast_json._may_be_deep(b'[{"a":' * 400 + b"1" + b"}]" * 400)


def test_endless_values() -> None:
    """A value that contains itself is the error that the default provider raises, and so is one that is too deep."""
    fast, default, _app = providers()
    circle: list[Any] = []
    circle.append({"again": circle})
    with pytest.raises(ValueError, match="Circular reference"):
        fast.dumps(circle)
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    for provider in (fast, default):
        with pytest.raises(RecursionError):
            provider.dumps(deep)
        with pytest.raises(RecursionError):
            provider.loads("[" * 100_000)
    assert fast.dumps([]) == "[]"


# Reading.

DOCUMENTS: list[Any] = [
    *(
        '{"a":1,"a":2}',
        "[1e400,-1e400]",
        "[NaN,Infinity,-Infinity]",
        "-0",
        "-0.0",
        "1E5",
        "1e-400",
        "[1.0]",
        " [1]\n\t\r",
    ),
    *(str(sign * (power + add)) for sign in (1, -1) for power in (2**63, 2**64, 10**19, 10**18) for add in (-1, 0, 1)),
    *(
        "9" * 4000,
        "9" * 5000,
        "-9500000000000000000",
        '["12345678901234567890"]',
        "0.12345678901234567890123",
        "1e00000000000000000000001",
    ),
    *(
        '"\\ud83d\\ude00"',
        '"\\ud800"',
        '"\\udc00x"',
        '"\\ud800\\u0041"',
        '"\ud800"',
        '"\\u0000"',
        '"\x7f\u2028"',
        '{"\\ud800":1}',
    ),
    *(
        "\ufeff[1]",
        b"\xef\xbb\xbf[1]",
        "[1]".encode("utf-16"),
        "[1]".encode("utf-32-le"),
        "[1]".encode("utf-16-be"),
        '"é"'.encode("latin-1"),
    ),
    *(
        b"\xff",
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b'"\xf4\x90\x80\x80"',
        b"1\x00",
        b"",
        "",
        " ",
        b" ",
        "nul",
        "tru",
        "True",
        "'a'",
    ),
    *(
        "[1,]",
        "[1",
        "{",
        '{"a"}',
        '{"a":1,}',
        "{1:2}",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "0x1",
        "1_0",
        '"a\tb"',
        '"\n"',
        '"\\x"',
        '"\\u12"',
    ),
    *(
        "[1] [2]",
        "[1]\x00",
        "[1]\xa0",
        "\x0c[1]",
        "// c\n1",
        "[1]// c",
        '{"a":1 "b":2}',
        "[1 2]",
        '"' + "a" * 99,
        bytearray(b"[1]"),
        Text("[1]"),
    ),
    *(None, 1, memoryview(b"[1]"), [1]),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: ascii(document)[:40])
def test_same_reading(document: Any) -> None:
    """Each document has the value, or the error with its message and position, that it has by the default provider."""
    fast, default, _app = providers()
    variants = [document, *([document.encode("utf-8", "surrogatepass")] if type(document) is str else [])]
    for variant in variants:
        assert repr(outcome(fast.loads, variant)) == repr(outcome(default.loads, variant))


@hypothesis.settings(max_examples=300)
@hypothesis.given(json_values, st.booleans(), st.sampled_from(["", " ", "\ufeff", "x", "\u00a0", ","]))
def test_same_values_read(value: Any, ensure_ascii: bool, after: str) -> None:
    """What the default provider has written is read with the same values and types, or refused with the same words."""
    fast, default, _app = providers(ensure_ascii=ensure_ascii)
    text = outcome(default.dumps, value)
    hypothesis.assume(isinstance(text, str))
    for document in (text + after, (text + after).encode("utf-8", "surrogatepass")):
        assert repr(outcome(fast.loads, document)) == repr(outcome(default.loads, document))


@hypothesis.settings(max_examples=400)
@hypothesis.given(
    st.text(alphabet='[]{}",:0123456789.eE+-trufalsn \\', max_size=14)
    | st.text(alphabet="-0123456789.eE", max_size=30)
    | st.text(alphabet="\\udD89acCfF0\"'", max_size=20).map(lambda text: f'"{text}"')
    | st.binary()
    | st.binary().map(lambda data: b'"' + data + b'"')
)
def test_same_refusals(document: str | bytes) -> None:
    """What is hardly JSON is read or refused as by the default provider."""
    fast, default, _app = providers()
    assert repr(outcome(fast.loads, document)) == repr(outcome(default.loads, document))


@pytest.mark.parametrize(
    "arguments",
    [
        {"parse_float": Decimal},
        {"parse_int": str},
        {"object_hook": sorted},
        {"object_pairs_hook": list},
        {"cls": json.JSONDecoder},
    ],
)
def test_arguments_of_loads(arguments: dict[str, Any]) -> None:
    """Keyword arguments do what they do for the default provider."""
    fast, default, _app = providers()
    document = '{"b": [1, 1.5], "a": 2}'
    assert fast.loads(document, **arguments) == default.loads(document, **arguments)


def test_large_documents_are_left_to_orjson(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dates, nulls, UUIDs, long numbers and letters outside ASCII do not need the standard library."""
    rows = [
        {
            "id": 10**18 + n,
            "at": datetime(2024, 1, 1),
            "of": uuid.UUID(int=n),
            "none": None,
            "é😀": 1.5,
            "point": Point(n),
        }
        for n in range(200)
    ]
    fast, default, _app = providers()
    text = default.response_body(rows)

    def unreachable(*args: Any) -> Any:
        raise AssertionError("the standard library was asked")

    monkeypatch.setattr(fast_json, "decode", unreachable)
    monkeypatch.setattr(fast_json, "_encoder", lambda *args: unreachable)
    assert fast.response_body(rows) == text
    assert fast.loads(text) == fast.loads(text.encode()) == json.loads(text)


# Inside an application.


def _app(debug: bool = False) -> App:
    app = App("fast_json_app")
    app.config["SECRET_KEY"] = "only for tests"
    app.config["DEBUG"] = debug
    app.add_url_rule("/echo", view_func=lambda: {"got": request.get_json()}, methods=["POST"], endpoint="echo")
    app.add_url_rule("/list", view_func=lambda: ([date(2024, 2, 29), "é"], 201), endpoint="list")
    app.add_url_rule("/bad", view_func=lambda: {"x": object()}, endpoint="bad")

    @app.get("/visits")
    def visits() -> dict[str, Any]:
        session["visits"] = [*session.get("visits", []), (1, date(2024, 2, 29), "é")]
        return {"visits": len(session["visits"])}

    return app


class FastApp(App):
    """An application that starts with the fast provider."""

    json_provider_class = FastJSONProvider


def _fast_app(debug: bool = False) -> App:
    app = _app(debug)
    app.json = FastJSONProvider(app)
    return app


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        b'{"b": [1.5, null], "a": "\xc3\xa9"}',
        b"[1,",
        b"",
        b'\xff"',
        b"123456789012345678901234567890",
        b"[" * 100_000,
        b"NaN",
    ],
)
def test_same_answers(body: bytes, debug: bool) -> None:
    """Requests get the answers that they get with the default provider: 400 with the same words for what is no JSON."""

    def answer(app: App) -> Any:
        response = app.test_client().post("/echo", data=body, content_type="application/json")
        return response.status, response.get_data(), sorted(response.headers)

    assert answer(_fast_app(debug)) == answer(_app(debug))


def test_the_short_way_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dicts and lists that a view returns are written by orjson on the short way, until the provider is patched."""
    app = FastApp("fast")
    app.add_url_rule("/list", view_func=lambda: ([date(2024, 2, 29), "é"], 201))
    client = app.test_client()
    assert app.plans().plain_json
    assert app.plans().json_body.__module__ == fast_json.__name__
    assert client.get("/list").data == b'["Thu, 29 Feb 2024 00:00:00 GMT","\\u00e9"]\n'
    setattr(app.json, "ensure_ascii", False)
    assert client.get("/list").data == '["Thu, 29 Feb 2024 00:00:00 GMT","é"]\n'.encode()
    monkeypatch.setattr(FastJSONProvider, "response_body", lambda self, obj: "patched")
    assert client.get("/list").data == b"patched"
    monkeypatch.undo()
    assert app.plans().plain_json
    monkeypatch.setattr(DefaultJSONProvider, "dumps", lambda self, obj, **kwargs: "patched")
    assert client.get("/list").data == b"patched\n"


def test_a_subclass_takes_the_long_way() -> None:
    """What a subclass replaces is used for the views' values too."""

    class Provider(FastJSONProvider):
        def response_body(self, obj: Any) -> str:
            return "mine"

    app = _app()
    app.json = Provider(app)
    assert not app.plans().plain_json
    assert app.test_client().get("/list").data == b"mine"


def test_same_sessions() -> None:
    """Each provider reads the cookies that the other has written, also where no short way is open."""
    apps = [_fast_app(), _app(), _fast_app(), _app()]
    for app in apps[2:]:
        app.config["SECRET_KEY_FALLBACKS"] = ["older"]
    assert [app.plans().sessions is not None for app in apps] == [True, True, False, False]
    cookie = ""
    for visits, app in enumerate([*apps, *apps], start=1):
        client = app.test_client()
        if cookie:
            client.set_cookie("session", cookie)
        assert client.get("/visits").get_json() == {"visits": visits}
        kept = client.get_cookie("session")
        assert kept is not None
        cookie = kept.value


def test_unknown_types_in_views() -> None:
    """A value that JSON does not know is the error that names its type and says what to do."""
    app = _fast_app()
    app.testing = True
    with pytest.raises(TypeError, match=r"^Object of type object is not JSON serializable\. .*app\.json\.default"):
        app.test_client().get("/bad")


def test_without_orjson(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where orjson is not installed, the error says what to type."""
    monkeypatch.setitem(sys.modules, "orjson", None)
    specification = importlib.util.spec_from_file_location("fast_json_alone", fast_json.__file__)
    assert specification is not None and specification.loader is not None
    with pytest.raises(ImportError, match=r'needs orjson\. Install it with: pip install "costrel\[fast\]"$'):
        specification.loader.exec_module(importlib.util.module_from_spec(specification))


def test_the_core_does_not_import_it() -> None:
    """Importing costrel and serving a request loads neither the provider nor orjson."""
    code = (
        "import sys, costrel; app = costrel.App('x'); app.add_url_rule('/', view_func=lambda: {});"
        "assert app.test_client().get('/').json == {}; print([n for n in sys.modules if 'orjson' in n or '.ext' in n])"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"
