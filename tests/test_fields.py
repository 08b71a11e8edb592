"""Fields of query strings, forms and cookies are split and decoded as werkzeug and the standard library do."""

from __future__ import annotations

import copy
import io
import pickle
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import ImmutableMultiDict as WerkzeugImmutableMultiDict
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.http import parse_cookie

from costrel.fields import (
    BoundedStream,
    ImmutableMultiDict,
    _decode_nothing,
    parse_body_fields,
    parse_cookies,
    parse_fields,
    parse_plain_cookies,
    read_at_once,
    store_fields,
)
from tests.support.lookups import LOOKUPS

_PIECES = ["%C3%A4", "%26", "%3d", "%3D", "%2B", "%5C", "%25", "%00", "%ff", "%zz", "%u1", "\\x41", "\\", "\0"]
_PARTS = ["%C3", "%A4", "%E2%82", "%AC", "%F0%9F", "%98%80", "%ED%A0%80", "%C0", "ä", "€", "😀", "a=", "&", "\ud800"]


@given(
    st.text()
    | st.text("ab=&+%20C3a4fF;ü\\x")
    | st.lists(st.sampled_from([*_PIECES, *"%ü=&+a"])).map("".join)
    | st.lists(st.sampled_from(_PARTS)).map("".join)
)
def test_fields_are_the_standard_librarys(text: str) -> None:
    """Any text gives the fields that ``parse_qsl`` gives, with bytes that are not UTF-8 left percent-encoded."""
    expected = MultiDict(parse_qsl(text, keep_blank_values=True, errors="werkzeug.url_quote"))
    assert parse_fields(text) == dict(expected.lists())


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("a%20b=ü%C3%A4", {"a b": ["üä"]}),
        ("ü%ff=%FFü", {"ü%FF": ["%FFü"]}),
        ("a+b=%", {"a b": ["%"]}),
        ("&&=&a", {"": [""], "a": [""]}),
    ],
)
def test_fields(text: str, fields: dict[str, list[str]]) -> None:
    """Text outside ASCII may stand beside percent-encoding, right or wrong."""
    assert parse_fields(text) == fields


@pytest.mark.parametrize("text", ["a=%C3%A4", "a%26=%3D", "%zz=1", "a=\\%41", "%ff=ü", "ü%C3=%A4"])
def test_percent_encoding_without_the_quick_decoder(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that lacks the undocumented decoder gets the same fields."""
    expected = parse_fields(text)
    monkeypatch.setattr("costrel.fields._decode_escapes", _decode_nothing)
    assert parse_fields(text) == expected


@given(st.text().filter(lambda text: '"' not in text) | st.text("ab=; \t,ü"))
def test_cookies_are_werkzeugs(text: str) -> None:
    """Any header without a quote gives the cookies that werkzeug reads from it."""
    assert parse_plain_cookies(text) == dict(parse_cookie(text).lists())


@given(st.text(max_size=30) | st.text('ab=; \t,ü"\\\n0123', max_size=30) | st.text('a="; ', max_size=12))
def test_cookies_with_quotes_are_werkzeugs(text: str) -> None:
    """Any header gives the cookies that werkzeug reads from it, unless that cannot encode it."""
    try:
        expected = dict(parse_cookie(text).lists())
    except UnicodeEncodeError:
        expected = parse_cookies(text)
    assert parse_cookies(text) == expected


def test_blanks_before_a_quote_are_no_attack() -> None:
    """A header that takes werkzeug half a minute is read at once."""
    text = "session=" + " " * 64_000 + '"'
    started = time.thread_time()
    assert parse_cookies(text) == {}
    assert time.thread_time() - started < 1


@given(st.dictionaries(st.text(max_size=3), st.lists(st.text(max_size=3), min_size=1, max_size=3)))
def test_storage(fields: dict[str, list[str]]) -> None:
    """Fields end up in the storage class as its own constructor would put them."""
    pairs = [(name, value) for name, values in fields.items() for value in values]
    storages: list[type[MultiDict[str, Any]]] = [ImmutableMultiDict, WerkzeugImmutableMultiDict, MultiDict]
    for storage in storages:
        stored = store_fields(storage, {name: list(values) for name, values in fields.items()})
        assert type(stored) is storage
        assert list(stored.items(multi=True)) == list(storage(pairs).items(multi=True))


class OwnFields(ImmutableMultiDict[str, str]):
    """A class of the user's own."""


SAME = WerkzeugImmutableMultiDict([("a", "1")])

USES: dict[str, Callable[[Any, Any], Any]] = {
    **LOOKUPS,
    "getlist": lambda fields, key: fields.getlist(key, type=int),
    "in": lambda fields, key: key in fields,
    "write": lambda fields, key: fields.__setitem__(key, "1"),
    "delete": lambda fields, key: fields.pop(key),
    "items": lambda fields, key: [list(fields.items(multi=True)), list(fields), list(fields.values())],
    "lists": lambda fields, key: [list(fields.lists()), fields.to_dict(), fields.to_dict(flat=False), dict(fields)],
    "repr": lambda fields, key: [repr(fields), str(fields), type(fields).__name__],
    "hash": lambda fields, key: hash(fields),
    "equal": lambda fields, key: [fields == SAME, fields == {"a": ["1"]}],
    "or": lambda fields, key: [repr(fields | {"b": "2"}), type(fields | {"b": "2"})],
    "copy": lambda fields, key: [repr(fields.copy()), type(fields.copy()), copy.copy(fields) is fields],
    "deep copy": lambda fields, key: repr(copy.deepcopy(fields)),
    "pickle": lambda fields, key: [type(pickle.loads(pickle.dumps(fields))), pickle.dumps(fields)],
}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "1", "x", "2"])), max_size=4))
def test_fields_are_kept_as_by_werkzeug(pairs: list[tuple[str, str]]) -> None:
    """Whatever a program does with fields has the result, or the error, that it has with werkzeug's class."""

    keys: list[Any] = ["a", "b", 1, []]

    def seen(fields: Any) -> list[Any]:
        results: list[Any] = []
        for name, use in USES.items():
            for key in keys:
                try:
                    results.append((name, use(fields, key)))
                except Exception as error:
                    results.append((name, type(error), str(error)))
        return results

    assert isinstance(ImmutableMultiDict(), WerkzeugImmutableMultiDict)
    assert seen(ImmutableMultiDict(pairs)) == seen(WerkzeugImmutableMultiDict(pairs))


def test_fields_of_a_class_of_ones_own_are_pickled_as_that() -> None:
    """Only our own class leaves its name out of a pickle."""
    assert type(pickle.loads(pickle.dumps(OwnFields({"a": "1"})))) is OwnFields


def test_fields_without_a_value_are_missing() -> None:
    """A name with an empty list, which a program can bring about, has no value."""
    storages: list[type[MultiDict[str, Any]]] = [ImmutableMultiDict, WerkzeugImmutableMultiDict]
    for cls in storages:
        fields = store_fields(cls, {"a": []})
        assert fields.get("a", "none") == "none"
        with pytest.raises(KeyError):
            fields["a"]


@pytest.mark.parametrize(
    ("data", "size", "count"),
    [(b"a=1&b=2", 7, 2), (b"a=1&b=2&", 8, 2), (b"&&&&a=1", 7, 1), (b"", 0, 0), (b"a=1", None, None)],
)
def test_body_within_limits(data: bytes, size: int | None, count: int | None) -> None:
    """A body of just the limits is read; empty pairs are no fields."""
    assert parse_body_fields(data, size, count) == parse_fields(data.decode())


@pytest.mark.parametrize(("data", "size", "count"), [(b"a=1&b=2", 6, None), (b"a=1&b=2", None, 1), (b"a", 5, 0)])
def test_body_above_limits(data: bytes, size: int | None, count: int | None) -> None:
    """A body with one byte or one field too many is refused."""
    with pytest.raises(RequestEntityTooLarge):
        parse_body_fields(data, size, count)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, None])
@pytest.mark.parametrize("length", ["1", "2", "4", "9"])
def test_bodies_beyond_their_length(length: str, limit: int | None) -> None:
    """A body that a server has inflated is read to its end, or refused at its first byte above the limit."""
    environ: Any = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(b"1234"), "wsgi.input_terminated": True}
    if limit is not None and max(int(length), 4) > limit:
        with pytest.raises(RequestEntityTooLarge):
            read_at_once(environ, limit)
        assert environ["wsgi.input"].tell() <= limit + 1
    else:
        assert read_at_once(environ, limit) == b"1234"


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 5])
@pytest.mark.parametrize("piece", [1, 2, 3, 10, -1])
def test_bounded_stream(limit: int, piece: int) -> None:
    """A stream gives a body of up to the limit in pieces of any size, and refuses a longer one at its first byte."""
    stream = BoundedStream(io.BytesIO(b"1234"), limit)
    got = b""

    def read_all() -> None:
        nonlocal got
        while data := stream.read(piece):
            got += data

    if limit < 4:
        with pytest.raises(RequestEntityTooLarge):
            read_all()
    else:
        read_all()
        assert got == b"1234"
        assert stream.read() == b""
    assert b"1234".startswith(got)
