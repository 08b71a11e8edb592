"""Signed text: the same as that of itsdangerous, in both directions, and refused when anything in it was changed."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from itsdangerous import BadData, URLSafeTimedSerializer

from costrel.signing import TextSigner

DIGESTS: dict[str, Callable[..., Any]] = {
    "sha1": hashlib.sha1,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}
AGE = 3600


class Plain:
    """A serializer that leaves text as it is."""

    @staticmethod
    def dumps(text: Any) -> str:
        """Returns the text; itsdangerous asks with a dict what kind comes."""
        return text if isinstance(text, str) else ""

    @staticmethod
    def loads(text: str) -> str:
        """Returns the text."""
        return text


def reference(keys: Sequence[bytes], salt: bytes = b"salt", digest: str = "sha1") -> URLSafeTimedSerializer:
    """Returns the serializer of itsdangerous that does the same."""
    return URLSafeTimedSerializer(
        list(keys),
        salt=salt,
        serializer=Plain,
        signer_kwargs={"key_derivation": "hmac", "digest_method": DIGESTS[digest]},
    )


def read(serializer: URLSafeTimedSerializer, signed: str, max_age: int = AGE) -> str | None:
    """Returns what itsdangerous reads, None where it refuses."""
    try:
        text: str = serializer.loads(signed, max_age=max_age)
    except (BadData, OSError, OverflowError):  # the latter for a time that no datetime has
        return None
    return text


keys = st.binary(min_size=1, max_size=200)
texts = st.text(max_size=60) | st.text(alphabet="ab", min_size=90, max_size=3000)


@hypothesis.given(texts, st.lists(keys, min_size=1, max_size=3), st.binary(), st.sampled_from(sorted(DIGESTS)))
def test_both_read_each_other(text: str, keys: list[bytes], salt: bytes, digest: str) -> None:
    """What one signs, the other reads, for any text, keys, salt and digest."""
    ours, theirs = TextSigner(keys, salt, DIGESTS[digest]), reference(keys, salt, digest)
    assert read(theirs, ours.sign(text)) == text
    assert ours.unsign(theirs.dumps(text), AGE) == text
    if len(text.encode()) < 60:
        same_second = int(time.time())
        signed = ours.sign(text), theirs.dumps(text)
        assert signed[0] == signed[1] or int(time.time()) != same_second or "." in signed[1][:1]


@hypothesis.given(texts, st.data())
def test_changed_text(text: str, data: st.DataObject) -> None:
    """A signed text in which characters were changed, added or lost is judged as by itsdangerous."""
    ours, theirs = TextSigner([b"old", b"key"], b"salt", hashlib.sha1), reference([b"old", b"key"])
    signed = ours.sign(text)
    start = data.draw(st.integers(0, len(signed)))
    end = data.draw(st.integers(start, min(len(signed), start + 3)))
    put = data.draw(st.text(alphabet="AZaz09-_.=+/ !é\0", max_size=3) | st.text(max_size=2))
    hypothesis.assume(max(put, default="") < "\ud800")
    changed = signed[:start] + put + signed[end:]
    assert ours.unsign(changed, AGE) == read(theirs, changed)


@hypothesis.given(texts, st.integers(0))
def test_any_other_byte_is_refused(text: str, place: int) -> None:
    """Replacing one character of payload or timestamp by any other makes the signature wrong."""
    signer = TextSigner([b"key"], b"salt", hashlib.sha1)
    signed = signer.sign(text)
    place %= signed.rindex(".")
    for other in "Aa0-_.=":
        if other != signed[place]:
            assert signer.unsign(signed[:place] + other + signed[place + 1 :], AGE) is None


@hypothesis.given(st.text() | st.text(alphabet="AZaz09-_.="))
def test_anything_else_is_refused(text: str) -> None:
    """Text that nobody signed is refused, whatever it looks like."""
    assert TextSigner([b"key"], b"salt", hashlib.sha1).unsign(text, AGE) is None


@pytest.mark.parametrize(
    "text", ["", ".", "..", "...", "a", "a.b", "a.b.c", "\ud800", "é.é.é", "=.=.=", "A.A.A", "." * 5000]
)
def test_odd_texts_are_refused(text: str) -> None:
    """So are texts without parts, with impossible base64, and with characters that no encoding has."""
    assert TextSigner([b"key"], b"salt", hashlib.sha1).unsign(text, AGE) is None


def _signed(payload: bytes, stamp: bytes, keys: Sequence[bytes] = (b"key",)) -> str:
    """Returns a rightly signed text of any payload and timestamp."""
    value = payload + b"." + stamp
    signature: bytes = reference(keys).make_signer().get_signature(value)
    return (value + b"." + signature).decode("latin-1")


NOW = b"ZZZZZZ"  # some time in the year 2022

ODD_PAYLOADS = [b"", b"YQ", b"Y", b"/w", b".", b".YQ", b".Y", b".eJxLBAAAYgBi", b"..YQ", b"!YQ", b"YQ==", b"Y Q"]
ODD_STAMPS = [b"", b"Z", NOW, b"ZZ", b"AAAA" + NOW, b"ZZZZZZZZZZZ", b"ZZZZZZZZZZZZZZZZ", b"!" + NOW, NOW + b"="]


@pytest.mark.parametrize("payload", ODD_PAYLOADS)
@pytest.mark.parametrize("stamp", ODD_STAMPS)
@pytest.mark.parametrize("max_age", [10**6, 10**10])
def test_odd_but_signed(payload: bytes, stamp: bytes, max_age: int) -> None:
    """A right signature over an odd payload or timestamp is judged as by itsdangerous."""
    signed = _signed(payload, stamp)
    expected = read(reference([b"key"]), signed, max_age)
    assert TextSigner([b"key"], b"salt", hashlib.sha1).unsign(signed, max_age) == expected


def test_signed_without_a_timestamp() -> None:
    """A right signature over a payload without timestamp is refused, though itsdangerous' plain signer makes one."""
    signer: Any = reference([b"key"]).make_signer()
    signed = b"YQ." + signer.get_signature(b"YQ")
    assert TextSigner([b"key"], b"salt", hashlib.sha1).unsign(signed.decode(), 10**11) is None


@pytest.mark.parametrize(("age", "accepted"), [(0, True), (59, True), (60, True), (61, False), (-1, False)])
def test_age(monkeypatch: pytest.MonkeyPatch, age: int, accepted: bool) -> None:
    """A text is accepted to the last second of its age, and not before it was signed."""
    now = time.time()
    signer, theirs = TextSigner([b"key"], b"salt", hashlib.sha1), reference([b"key"])
    monkeypatch.setattr(time, "time", lambda: now)
    signed = signer.sign("text")
    monkeypatch.setattr(time, "time", lambda: now + age)
    assert signer.unsign(signed, 60) == read(theirs, signed, 60) == ("text" if accepted else None)


def test_timestamps_move_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is signed later carries the later time."""
    signer = TextSigner([b"key"], b"salt", hashlib.sha1)
    stamps = []
    for now in (1_700_000_000, 1_700_000_000.9, 1_700_000_001):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        stamps.append(signer.sign("text").split(".")[1])
    assert stamps[0] == stamps[1] != stamps[2]


def test_older_keys() -> None:
    """The last key signs; what an older one has signed is read, what a key that is gone has signed is not."""
    old = TextSigner([b"old"], b"salt", hashlib.sha1)
    both = TextSigner([b"older", b"old", b"new"], b"salt", hashlib.sha1)
    new = TextSigner([b"new"], b"salt", hashlib.sha1)
    assert both.unsign(old.sign("text"), AGE) == "text"
    assert new.unsign(both.sign("text"), AGE) == "text"
    assert old.unsign(both.sign("text"), AGE) is None


def test_other_salt_and_digest() -> None:
    """Another salt or another digest makes another signature."""
    signed = TextSigner([b"key"], b"salt", hashlib.sha1).sign("text")
    assert TextSigner([b"key"], b"pepper", hashlib.sha1).unsign(signed, AGE) is None
    assert TextSigner([b"key"], b"salt", hashlib.sha256).unsign(signed, AGE) is None


@pytest.mark.parametrize(
    ("length", "compressed"), [(1, False), (99, False), (100, True), (1023, True), (1024, True), (9000, True)]
)
def test_compression(length: int, compressed: bool) -> None:
    """Text that has room to shrink is compressed, in a way that plain zlib undoes."""
    signer = TextSigner([b"key"], b"salt", hashlib.sha1)
    signed = signer.sign("a" * length)
    assert signed.startswith(".") is compressed
    assert read(reference([b"key"]), signed) == signer.unsign(signed, AGE) == "a" * length


def test_what_does_not_shrink_stays() -> None:
    """Text that compression would make longer is left as it is."""
    noise = "".join(map(chr, range(1, 127)))
    assert len(zlib.compress(noise.encode())) >= len(noise.encode()) - 1
    signer = TextSigner([b"key"], b"salt", hashlib.sha1)
    assert not signer.sign(noise).startswith(".")
    assert signer.unsign(signer.sign(noise), AGE) == noise
