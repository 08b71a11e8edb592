"""JSON as an app writes it: the same text as Python's ``json``, with more types, and encoders that follow settings."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
import uuid
import weakref
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from markupsafe import Markup

from costrel import serialize
from costrel.response import Response
from costrel.serialize import DefaultJSONProvider, JSONProvider, compact_encoder, decode, make_decoder


class FakeApp:
    """The part of an app that a provider needs."""

    response_class = Response

    def __init__(self, debug: bool = False) -> None:
        self.debug = debug


@pytest.fixture
def app() -> FakeApp:
    """An app out of debug mode."""
    return FakeApp()


@pytest.fixture
def provider(app: FakeApp) -> DefaultJSONProvider:
    """A provider with the settings that an app starts with."""
    return DefaultJSONProvider(app)


@dataclasses.dataclass
class Point:
    """A dataclass with another inside."""

    x: int
    inner: Any = None


class Colour(IntEnum):
    """A number that JSON knows."""

    RED = 1


class Html:
    """An object that is HTML."""

    def __html__(self) -> str:
        return "<b>bold</b>"


TYPES: list[tuple[Any, Any]] = [
    (date(2024, 2, 29), "Thu, 29 Feb 2024 00:00:00 GMT"),
    (datetime(2024, 2, 29, 12, 30), "Thu, 29 Feb 2024 12:30:00 GMT"),
    (datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=2))), "Thu, 29 Feb 2024 10:00:00 GMT"),
    (Decimal("1.50"), "1.50"),
    (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (Point(1, Point(2)), {"x": 1, "inner": {"x": 2, "inner": None}}),
    (Html(), "<b>bold</b>"),
    (Markup("<i>"), "<i>"),
    (Colour.RED, 1),
    ((1, 2), [1, 2]),
]


@pytest.mark.parametrize(("value", "expected"), TYPES)
def test_more_types(provider: DefaultJSONProvider, value: Any, expected: Any) -> None:
    """Dates, decimals, UUIDs, dataclasses and HTML become what JSON has."""
    assert json.loads(provider.dumps(value)) == expected
    assert json.loads(provider.response_body({"v": [value]})) == {"v": [expected]}


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", Point, 1j])
def test_unknown_types(provider: DefaultJSONProvider, value: Any) -> None:
    """Anything else is an error that names the type and says what to do."""
    message = rf"^Object of type {type(value).__name__} is not JSON serializable\. .*app\.json\.default"
    for dump in (provider.dumps, provider.response_body):
        with pytest.raises(TypeError, match=message):
            dump({"v": value})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=15,
)


@hypothesis.given(json_values, st.booleans(), st.booleans())
def test_same_text_as_json_dumps(value: Any, ensure_ascii: bool, sort_keys: bool) -> None:
    """Compact, spaced and indented text are those of ``json.dumps`` with the same settings."""
    app = FakeApp()
    provider = DefaultJSONProvider(app)
    provider.ensure_ascii, provider.sort_keys = ensure_ascii, sort_keys
    settings: dict[str, Any] = {"ensure_ascii": ensure_ascii, "sort_keys": sort_keys}
    compact = json.dumps(value, separators=(",", ":"), **settings)
    assert provider.response_body(value) == compact + "\n"
    assert provider.dumps(value, separators=(",", ":")) == compact
    assert provider.dumps(value) == json.dumps(value, **settings)
    assert provider.dumps(value, separators=("; ", "=")) == json.dumps(value, separators=("; ", "="), **settings)
    provider.compact = False
    assert provider.response_body(value) == json.dumps(value, indent=2, **settings) + "\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: "a", None: "b"}, {1.5: {True: 0}}, "\ud800", ""])
def test_same_text_for_odd_values(value: Any) -> None:
    """What ``json.dumps`` writes beyond the standard is written the same way."""
    encode = compact_encoder(str, ensure_ascii=True, sort_keys=False)
    assert encode(value) == json.dumps(value, separators=(",", ":"))


@pytest.mark.parametrize("key", [(1, 2), b"a"])
def test_same_errors_for_keys(provider: DefaultJSONProvider, key: Any) -> None:
    """A key that JSON cannot have is the error of ``json.dumps``."""
    with pytest.raises(TypeError) as expected:
        json.dumps({key: 1})
    with pytest.raises(TypeError) as error:
        provider.dumps({key: 1})
    assert str(error.value) == str(expected.value)


def test_unsortable_keys(provider: DefaultJSONProvider) -> None:
    """Sorted keys must be of one kind; without sorting they become text."""
    with pytest.raises(TypeError, match="not supported between"):
        provider.dumps({"a": 1, 2: 3})
    provider.sort_keys = False
    assert provider.dumps({"a": 1, 2: 3}) == '{"a": 1, "2": 3}'


def test_circular_values(provider: DefaultJSONProvider) -> None:
    """A value that contains itself is a ``ValueError``, and the provider works on after it."""
    circle: list[Any] = [1]
    circle.append({"again": circle})
    for dump in (provider.dumps, provider.response_body):
        with pytest.raises(ValueError, match="Circular reference"):
            dump(circle)
        assert json.loads(dump([1])) == [1]


def test_default_that_never_ends(provider: DefaultJSONProvider) -> None:
    """A ``default`` that gives back the object itself is a ``ValueError`` too."""
    provider.default = lambda value: value
    with pytest.raises(ValueError, match="Circular reference"):
        provider.dumps(object())


def test_deep_values(provider: DefaultJSONProvider) -> None:
    """What is too deep for Python's ``json`` is its ``RecursionError``."""
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(RecursionError):
        provider.dumps(deep)
    assert provider.dumps([]) == "[]"


@pytest.mark.parametrize("make", [None, lambda: None])
def test_without_the_c_encoder(monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    """On a Python whose ``json`` has no encoder in C, or one that is made in another way, the text is the same."""
    monkeypatch.setattr("json.encoder.c_make_encoder", make)
    encode = compact_encoder(str, ensure_ascii=True, sort_keys=True)
    monkeypatch.setattr("json.encoder.c_make_encoder", None)
    assert encode({"b": [1, "é"], "a": Colour}) == '{"a":"' + str(Colour) + '","b":[1,"\\u00e9"]}'


# Settings.


def test_settings_of_an_instance(provider: DefaultJSONProvider) -> None:
    """A setting counts from the moment it is changed."""
    assert provider.response_body({"b": "é", "a": 1}) == '{"a":1,"b":"\\u00e9"}\n'
    provider.ensure_ascii = False
    assert provider.response_body({"b": "é", "a": 1}) == '{"a":1,"b":"é"}\n'
    provider.sort_keys = False
    assert provider.response_body({"b": "é", "a": 1}) == '{"b":"é","a":1}\n'
    provider.compact = False
    assert provider.response_body({"b": "é"}) == '{\n  "b": "é"\n}\n'
    provider.default = lambda value: "anything"
    assert provider.dumps([object()]) == '["anything"]'


def test_settings_of_a_subclass(app: FakeApp) -> None:
    """A subclass sets them as attributes, ``default`` also as a method, and may be changed later."""

    class Provider(DefaultJSONProvider):
        sort_keys = False
        prefix = "object "

        def default(self, value: Any) -> Any:
            return self.prefix + type(value).__name__

    provider = Provider(app)
    assert provider.response_body({"b": {1}, "a": 1j}) == '{"b":"object set","a":"object complex"}\n'
    provider.prefix = "a "
    assert provider.dumps({1}) == '"a set"'
    Provider.sort_keys = True
    assert provider.dumps({"b": 1, "a": 2}) == '{"a": 2, "b": 1}'
    setattr(Provider, "default", staticmethod(repr))
    assert provider.dumps({1}) == '"{1}"'


@pytest.mark.parametrize(
    ("compact", "debug", "indented"),
    [
        (None, False, False),
        (None, True, True),
        (True, False, False),
        (True, True, False),
        (False, False, True),
        (False, True, True),
    ],
)
def test_compact(app: FakeApp, compact: bool | None, debug: bool, indented: bool) -> None:
    """Responses are indented in debug mode, or always or never, as set."""
    provider = DefaultJSONProvider(app)
    provider.compact = compact
    app.debug = debug
    assert provider.response_body([1]) == ("[\n  1\n]\n" if indented else "[1]\n")


def test_arguments_win(provider: DefaultJSONProvider) -> None:
    """Arguments of ``dumps`` win over the settings and reach ``json.dumps``."""
    assert provider.dumps({"b": "é", "a": 1}, sort_keys=False, ensure_ascii=False) == '{"b": "é", "a": 1}'
    assert provider.dumps([1], indent=1) == "[\n 1\n]"
    assert provider.dumps([{1}], default=lambda value: 5) == "[5]"
    assert provider.dumps([float("inf")], separators=(",", ":")) == "[Infinity]"
    with pytest.raises(ValueError, match="Out of range"):
        provider.dumps(float("inf"), allow_nan=False)


def test_overridden_dumps(app: FakeApp) -> None:
    """Responses go through ``dumps`` where a subclass or an instance replaces it, with the arguments of ``json``."""
    calls: list[dict[str, Any]] = []

    class Provider(DefaultJSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            calls.append(kwargs)
            return "dumped"

    provider = Provider(app)
    assert provider.response_body(1) == "dumped\n"
    provider.compact = False
    assert provider.response([1]).data == b"dumped\n"
    assert calls == [{"separators": (",", ":")}, {"indent": 2}]
    plain = DefaultJSONProvider(app)
    setattr(plain, "dumps", lambda obj, **kwargs: "mine")
    assert plain.response_body(1) == "mine\n"


def test_patched_dumps(provider: DefaultJSONProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Responses go through ``dumps`` also where it is replaced on the shipped class itself."""
    monkeypatch.setattr(DefaultJSONProvider, "dumps", lambda self, obj, **kwargs: "patched")
    assert provider.response_body(1) == "patched\n"
    assert provider.body_encoder()(1) == "patched\n"


# Responses.


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ((), {}, None),
        ((None,), {}, None),
        ((1,), {}, 1),
        (([],), {}, []),
        ((1, 2), {}, [1, 2]),
        ((), {"a": 1, "b": [2]}, {"a": 1, "b": [2]}),
        (({},), {}, {}),
    ],
)
def test_response(provider: DefaultJSONProvider, args: tuple[Any, ...], kwargs: dict[str, Any], expected: Any) -> None:
    """One value is the body, several are a list, keywords are a dict, nothing is null."""
    response = provider.response(*args, **kwargs)
    assert type(response) is Response
    assert response.mimetype == "application/json"
    assert response.json == expected
    assert response.get_data(as_text=True) == provider.response_body(expected)


def test_response_with_both(provider: DefaultJSONProvider) -> None:
    """Positional and keyword arguments at once are an error."""
    with pytest.raises(TypeError, match=r"takes either args or kwargs, not both.*Pass one dict"):
        provider.response(1, a=2)


def test_mimetype(provider: DefaultJSONProvider) -> None:
    """The media type can be set."""
    provider.mimetype = "application/vnd.api+json"
    assert provider.response(1).mimetype == "application/vnd.api+json"


def test_app_is_held_weakly(app: FakeApp) -> None:
    """A provider does not keep its app."""
    provider = DefaultJSONProvider(app)
    assert provider._app.debug is False
    reference = weakref.ref(app)
    lonely = DefaultJSONProvider(FakeApp())
    with pytest.raises(ReferenceError):
        _ = lonely._app.debug
    assert reference() is app


# The base class.


class Reversed(JSONProvider):
    """A provider for a peculiar library."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return json.dumps(obj, **kwargs)[::-1]

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return json.loads(s[::-1], **kwargs)


def test_a_provider_of_ones_own(app: FakeApp) -> None:
    """Two methods make a provider; files and responses use them."""
    provider = Reversed(app)
    file = io.StringIO()
    provider.dump({"a": 1}, file, indent=None)
    assert file.getvalue() == '}1 :"a"{'
    assert provider.load(io.StringIO(file.getvalue())) == {"a": 1}
    assert provider.load(io.BytesIO(b"]1[")) == [1]
    assert provider.response([1]).data == b"]1["
    assert provider.response(1).mimetype == "application/json"


def test_the_base_class_does_nothing_itself(app: FakeApp) -> None:
    """``dumps`` and ``loads`` are to be written."""
    provider = JSONProvider(app)
    with pytest.raises(NotImplementedError):
        provider.dumps(1)
    with pytest.raises(NotImplementedError):
        provider.loads("1")


# Reading.


def _outcome(read: Callable[[Any], Any], text: str | bytes) -> Any:
    try:
        value = read(text)
    except (ValueError, RecursionError) as error:
        return type(error), str(error)
    return repr(value)


SPACE = st.sampled_from(["", " ", "\n", "\t\r ", "\ufeff", "x", "\u00a0"])


@hypothesis.given(json_values, SPACE, SPACE, st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32", "utf-8-sig"]))
def test_reads_as_json_loads(value: Any, before: str, after: str, encoding: str) -> None:
    """Text and bytes in any encoding are read, or refused, as by ``json.loads``."""
    text = before + json.dumps(value, ensure_ascii=False) + after
    data = text.encode(encoding, "surrogatepass") if encoding.startswith("utf-8") else text.encode(encoding)
    for document in (text, data):
        assert _outcome(decode, document) == _outcome(json.loads, document)


@hypothesis.given(st.text(alphabet='[]{}",:0123456789.eE+-trufalsn \\', max_size=12) | st.text() | st.binary())
def test_refuses_as_json_loads(document: str | bytes) -> None:
    """What is no JSON is refused with the same message and position."""
    assert _outcome(decode, document) == _outcome(json.loads, document)


@hypothesis.given(json_values, SPACE, SPACE)
def test_reads_with_a_hook_as_json_loads(value: Any, before: str, after: str) -> None:
    """A function that is called with each object gets the same ones, and an odd text is refused in the same way."""
    text = before + json.dumps(value, ensure_ascii=False) + after

    def hook(inner: dict[str, Any]) -> Any:
        return list(inner.items())

    assert _outcome(make_decoder(hook), text) == _outcome(lambda text: json.loads(text, object_hook=hook), text)


@pytest.mark.parametrize("document", ["", b"", " ", "[1", b"\xff", b"\xe9", b"\x00", b"a\x00", "[" * 100_000, None, 1])
def test_refuses_odd_documents(document: Any) -> None:
    """Empty, cut off, wrongly encoded and endlessly deep documents are refused as by ``json.loads``."""
    with pytest.raises((ValueError, TypeError, RecursionError)) as expected:
        json.loads(document)
    with pytest.raises(type(expected.value)) as error:
        decode(document)
    assert str(error.value) == str(expected.value)


def test_other_kinds_of_text(provider: DefaultJSONProvider) -> None:
    """Subclasses of str and byte arrays are read too, and arguments reach ``json.loads``."""

    class Text(str):
        pass

    assert provider.loads(Text("[1]")) == [1]
    assert provider.loads(bytearray(b"[1]")) == [1]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert provider.loads("[1.5]", parse_float=Decimal) == [Decimal("1.5")]
    assert provider.load(io.BytesIO(b'{"a": 1}')) == {"a": 1}


# The start-up.


def test_nothing_is_imported_early() -> None:
    """Importing the module loads neither ``decimal`` nor ``uuid`` for the sake of types that may never come."""
    code = (
        "import sys, costrel.watch, importlib.util as u; [sys.modules.pop(name, 0) for name in ('decimal', 'uuid')];"
        "spec = u.spec_from_file_location('serialize_alone', sys.argv[1]); m = u.module_from_spec(spec);"
        "spec.loader.exec_module(m); print(sorted({'decimal', 'uuid'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code, serialize.__file__], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"
