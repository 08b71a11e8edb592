"""Writes and reads the JSON of an app with orjson: the same text and the same values, in less time.

::

    from costrel import App
    from costrel.ext.fast_json import FastJSONProvider

    app = App(__name__)
    app.json = FastJSONProvider(app)

It needs ``pip install "costrel[fast]"``.

Microseconds against ``DefaultJSONProvider`` on Python 3.11, the quickest of interleaved rounds, since the machine had
other work to do too:

============================== ====== ======= ======= ===== ======= ======= =====
document                        size  dumps    fast   times loads    fast   times
============================== ====== ======= ======= ===== ======= ======= =====
text, numbers, lists           1 kB       8.2     2.2   3.6    11.7     4.2   2.8
text, numbers, lists           100 kB    1042     185   5.6    1428     546   2.6
text, numbers, lists           5 MB     64300   10400   6.2  283000   71700   3.9
the same, one value in 8 null  1 kB       8.8     5.6   1.6    12.5     4.4   2.8
the same, one value in 8 null  100 kB    1050     408   2.6    1404     532   2.6
the same, one value in 8 null  5 MB    128000   75400   1.7  313000  139000   2.2
with dates, UUIDs, decimals    100 kB    3206    1786   1.8    1382     495   2.8
these and nulls                1 kB      26.3    25.3   1.0    12.4     4.7   2.7
these and nulls                100 kB    3249    2339   1.4    1453     523   2.8
Russian, ``ensure_ascii``      1 kB       4.8     5.2   0.9    10.0     3.7   2.7
Russian, ``ensure_ascii``      100 kB     534     425   1.3     972     318   3.1
============================== ====== ======= ======= ===== ======= ======= =====

Where there is a null, the values are looked through for NaN. HTTP dates and decimals are made by Python either way.

Why orjson and not msgspec: both read in the same time (100 kB: 409 and 397 us), orjson writes sorted keys in less (140
and 188 us), and it leaves dates and dataclasses to ``default``, where msgspec writes them in its own form.
"""

from __future__ import annotations

import io
import json
import pickle
import re
import sys
import uuid
from collections.abc import Callable
from enum import Enum
from json.encoder import encode_basestring_ascii
from typing import Any

from costrel.plan import ship_json_provider
from costrel.serialize import _COMPACT, DefaultJSONProvider, Settings, _default, _encoder, decode

try:
    import orjson
except ImportError as error:
    raise ImportError('costrel.ext.fast_json needs orjson. Install it with: pip install "costrel[fast]"') from error

#: What orjson would write in its own way goes through ``default`` instead.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS

#: The types whose subclasses JSON knows.
_KNOWN = (str, int, float, list, tuple, dict)

#: How pickle writes a float that is NaN or infinite: the eleven bits of its exponent are set.
_NOT_FINITE = re.compile(rb"G[\x7f\xff][\xf0-\xff]")

#: The bytes of a document with each digit as 0.
_DIGITS = bytes.maketrans(b"123456789", b"000000000")

#: Whether ``json`` counts its levels among those of the interpreter, which has a limit of 1,000.
_SHALLOW = sys.version_info < (3, 12)

#: All bytes but the brackets of JSON.
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

#: A character beyond U+FFFF as Python escapes it.
_ASTRAL = re.compile(rb"\\U(.{8})")


def _surrogates(match: re.Match[bytes]) -> bytes:
    """Returns the escapes of a character beyond U+FFFF as JSON has them, which are two."""
    return encode_basestring_ascii(chr(int(match[1], 16)))[1:-1].encode()


def _escaped(data: bytes) -> str:
    r"""Returns JSON in ASCII, with ``\u`` escapes for all other characters; no backslash may be escaped in it."""
    # PERF: 2 us for 1 kB, half of it not ASCII, where one more regular expression for all takes 20.
    data = data.decode().encode("ascii", "backslashreplace").replace(b"\\x", b"\\u00").replace(b"\x7f", b"\\u007f")
    return (_ASTRAL.sub(_surrogates, data) if b"\\U" in data else data).decode()


def _may_have_long_integer(data: bytes) -> bool:
    """Tells whether an integer may need more than 64 bits: 20 digits, or 19 after a minus sign."""
    zeros = data.translate(_DIGITS)
    return b"0" * 19 in zeros and (b"0" * 20 in zeros or b"-" + b"0" * 19 in zeros)


def _may_be_deep(data: bytes) -> bool:
    """Tells whether values may be nested more than 700 deep, of which Python 3.11 and older can read and write 1,000.

    Such a document is left to ``json``, which refuses it while it is read: a view could do nothing with the value.
    """
    if data.count(b"[") + data.count(b"{") < 700:
        return False
    brackets = data.translate(None, _NO_BRACKETS)
    for _ in range(32):  # takes away the innermost values; few documents have as many levels
        shorter = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    return brackets.count(b"[") + brackets.count(b"{") > 660


def _default_or_value(o: Any) -> Any:
    """Returns a JSON type in place of an object that JSON does not know, for an enum's member its value.

    :raises TypeError: there is none for this type.

    >>> _default_or_value(uuid.UUID(int=1))
    '00000000-0000-0000-0000-000000000001'
    """
    return o.value if isinstance(o, Enum) else _default(o)


def _plain(o: Any) -> Any:
    """Returns what ``json`` sees in an instance of a subclass of str, int, float, list, tuple or dict."""
    if isinstance(o, str):
        return str.__str__(o)
    if isinstance(o, int):
        return int.__int__(o)
    if isinstance(o, float):
        return float.__float__(o)
    if isinstance(o, list):
        return list.copy(o)
    if isinstance(o, tuple):
        return tuple.__getitem__(o, slice(None))
    return dict(o.items())


class _NotAskedError(Exception):
    """There is an object that orjson has written without asking ``default``."""


class _Probe(pickle.Pickler):
    """Goes through values at the speed of C; what is no plain value is looked at here and left out."""

    def reducer_override(self, obj: Any) -> Any:
        if obj is bool:
            return NotImplemented
        if isinstance(obj, (Enum, uuid.UUID)):
            self.found(obj)
        return bool, ()

    def found(self, obj: Any) -> None:
        """Takes note of an object that orjson writes by itself."""


class _StrictProbe(_Probe):
    def found(self, obj: Any) -> None:
        raise _NotAskedError


def _differs(values: list[Any], probe: type[_Probe]) -> bool:
    """Tells whether ``json`` may write other text for the values: NaN, which orjson calls null, or a type it knows."""
    # PERF: 4 us for 1 kB of JSON, which takes json 15; to go through the same values in Python takes as long as json.
    pickled = io.BytesIO()
    try:
        probe(pickled, 5).dump(values)
    except Exception:
        return True
    return _NOT_FINITE.search(pickled.getvalue()) is not None


def _fast_encoder(settings: Settings, end: str) -> Callable[[Any], str]:
    """Returns a function that writes compact JSON with orjson, and with ``json`` where orjson would not do the same."""
    default, ensure_ascii, sort_keys = settings
    slow = _encoder(*settings, _COMPACT, end)
    options = _OPTIONS | (orjson.OPT_SORT_KEYS if sort_keys else 0) | (orjson.OPT_APPEND_NEWLINE if end else 0)
    # A function of the program's own has to be asked about the types that orjson knows too.
    strict = default is not _default_or_value
    probe = _StrictProbe if strict else _Probe
    dumps = orjson.dumps

    def encode(obj: Any) -> str:
        made: list[Any] = []

        def replace(o: Any) -> Any:
            value = _plain(o) if isinstance(o, _KNOWN) else default(o)
            if type(value) is not str:
                made.append(value)
            return value

        try:
            data = dumps(obj, replace, options)
        except TypeError as error:
            if error.__cause__ is not None and not isinstance(error.__cause__, Exception):
                raise error.__cause__ from None  # somebody has stopped the program
            return slow(obj)  # can do it, or says what is wrong
        if (strict or b"null" in data) and _differs([obj, made], probe):
            return slow(obj)
        if not ensure_ascii or (data.isascii() and b"\x7f" not in data):
            return data.decode()
        return slow(obj) if b"\\\\" in data else _escaped(data)

    return encode


class FastJSONProvider(DefaultJSONProvider):
    """JSON by orjson, with the attributes, the rules and the errors of ``DefaultJSONProvider``.

    Set ``app.json`` to an instance, or ``json_provider_class`` of a subclass of ``App`` to this class. What orjson
    cannot do, or would do otherwise, is done by Python's ``json``: keyword arguments other than
    ``separators=(",", ":")``, indented text, integers beyond 64 bits, NaN and infinity, keys that are no text, half a
    surrogate pair, values more than 250 levels deep. What is no JSON is refused by ``json``, with its message.

    Three things differ. ``dumps`` without arguments leaves out white space, as the text of responses does. A float that
    Python writes with an exponent, ``1e+16``, may be written otherwise, ``1e16``; it is the same number. A member of an
    enum becomes its value, where ``DefaultJSONProvider`` refuses those that are not numbers or text.
    """

    default: Callable[[Any], Any] = staticmethod(_default_or_value)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Returns the object that a JSON text, or its bytes, stands for.

        :param kwargs: arguments for ``json.loads``, which then does the work.
        :raises json.JSONDecodeError: this is not JSON; it is a ``ValueError``.
        """
        if kwargs:
            return json.loads(s, **kwargs)
        try:
            data = s.encode() if type(s) is str else s
            # PERF: both looks take 1.5 us for 1 kB, which orjson reads in 2.7; it makes long integers floats.
            if type(data) is bytes and not _may_have_long_integer(data) and not (_SHALLOW and _may_be_deep(data)):
                return orjson.loads(data)
        except ValueError:
            pass
        return decode(s)

    def _make_encoder(self, settings: Settings, separators: tuple[str, str], end: str = "") -> Callable[[Any], str]:
        return _fast_encoder(settings, end)


ship_json_provider(FastJSONProvider)
