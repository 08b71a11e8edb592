"""Signs text for a cookie and reads it back, in the format of ``itsdangerous.URLSafeTimedSerializer``.

A signed text is ``payload.timestamp.signature``, each in base64 for URLs (RFC 4648 §5) without padding. The payload may
be compressed, then it begins with a dot. The timestamp is the time of signing. The signature is an HMAC (RFC 2104) over
all before it, under a key derived from the secret key and a salt, so that one secret can serve several purposes.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from itsdangerous import URLSafeTimedSerializer

#: A hash algorithm in the way ``hashlib.sha1`` is one.
Digest = Callable[..., Any]

_url_to_base64 = bytes.maketrans(b"-_", b"+/")
_base64_to_url = bytes.maketrans(b"+/", b"-_")


#: What messages about a missing or short key say.
NEW_KEY = "Make one with `python -c 'import secrets; print(secrets.token_hex())'`"


def secret_keys(secret_key: object, fallbacks: object, shortest: int = 1) -> list[bytes] | None:
    """Returns the keys of an application, the current one last, or None without a current one.

    :param secret_key: the setting ``SECRET_KEY``.
    :param fallbacks: the setting ``SECRET_KEY_FALLBACKS``.
    :param shortest: the least length in bytes.
    :raises TypeError: a key is neither str nor bytes, or the fallbacks are one key and not a list.
    :raises ValueError: a key is too short.
    """
    if not secret_key:
        return None
    if isinstance(fallbacks, (str, bytes)):
        # Each of its characters would be taken for a key of its own.
        raise TypeError("SECRET_KEY_FALLBACKS must be a list of keys, not one key. Write [key].")
    older: Any = fallbacks or ()
    checked = [_checked_key("SECRET_KEY_FALLBACKS", key, shortest) for key in older]
    return [*checked, _checked_key("SECRET_KEY", secret_key, shortest)]


def _checked_key(setting: str, key: object, shortest: int) -> bytes:
    if not isinstance(key, (str, bytes)):
        raise TypeError(f"{setting} must hold str or bytes, not {type(key).__name__}. {NEW_KEY}.")
    data = key.encode() if isinstance(key, str) else key
    if len(data) < shortest:
        raise ValueError(
            f"A key in {setting} has {len(data)} bytes, fewer than {shortest}: whoever guesses it can write any"
            f" session. {NEW_KEY}."
        )
    return data


def make_serializer(secret_key: object, fallbacks: object, salt: str) -> URLSafeTimedSerializer:
    """Returns what signs tokens for one purpose and reads them back, also those of older keys.

    :param secret_key: the setting ``SECRET_KEY``.
    :param fallbacks: the setting ``SECRET_KEY_FALLBACKS``.
    :param salt: names the purpose.
    :raises RuntimeError: there is no secret key.
    """
    if not isinstance(salt, str) or not salt:
        raise TypeError("A signer needs a text that names its purpose, such as app.signer('reset-password').")
    keys = secret_keys(secret_key, fallbacks)
    if keys is None:
        raise RuntimeError(f"Nothing can be signed without a secret key. Set `app.secret_key`. {NEW_KEY}.")
    # Imported here to save start-up time, 4 ms.
    from itsdangerous import URLSafeTimedSerializer

    # A prefix of its own: no purpose is ever that of the session's cookie.
    return URLSafeTimedSerializer(
        keys,
        salt=f"costrel.signer:{salt}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


class TextSigner:
    """Signs with one secret key, and accepts what that one or an older one has signed.

    :param keys: the secret keys; the last one signs.
    :param salt: distinguishes purposes.
    :param digest: the hash for the HMAC, with a block larger than its digest, such as ``hashlib.sha1``.

    >>> import hashlib
    >>> signer = TextSigner([b"a long random text"], b"cookie-session", hashlib.sha1)
    >>> signer.unsign(signer.sign("hello"), max_age=60)
    'hello'
    """

    def __init__(self, keys: Sequence[bytes], salt: bytes, digest: Digest) -> None:
        derived = [hmac.new(key, salt, digest).digest() for key in reversed(keys)]
        self._key_states = [_key_state(key, digest) for key in derived]
        self._stamp: tuple[int, bytes] = (-1, b"")

    def sign(self, text: str) -> str:
        """Returns the text signed; it consists of ASCII letters, digits, ``-``, ``_`` and dots."""
        now = int(time.time())
        second, stamp = self._stamp
        if second != now:
            stamp = encode_base64(now.to_bytes(8, "big").lstrip(b"\0"))
            self._stamp = (now, stamp)
        value = _payload(text.encode()) + b"." + stamp
        return (value + b"." + encode_base64(_hmac(self._key_states[0], value))).decode("ascii")

    def unsign(self, signed: str, max_age: int) -> str | None:
        """Returns the text, or None where it was not signed here, was changed, is too old, or is from the future.

        :param max_age: seconds.
        """
        try:
            value, _, signature = signed.encode().rpartition(b".")
            digest = decode_base64(signature)
            for key_state in self._key_states:
                if hmac.compare_digest(digest, _hmac(key_state, value)):
                    break
            else:
                return None
            payload, dot, stamp = value.rpartition(b".")
            signed_at = decode_base64(stamp)
            age = int(time.time()) - int.from_bytes(signed_at, "big")
            if not dot or len(signed_at) > 8 or not 0 <= age <= max_age:
                return None
            data = zlib.decompress(decode_base64(payload[1:])) if payload.startswith(b".") else decode_base64(payload)
            return data.decode()
        except (ValueError, zlib.error):  # neither base64, nor UTF-8, nor compressed
            return None


def _key_state(key: bytes, digest: Digest) -> tuple[Any, Any]:
    """Returns the inner and the outer hash of RFC 2104 §2, which have taken in the key already."""
    # PERF: an HMAC that starts from these states takes 0.6 us, hmac.digest 1.5, hmac.new 1.5.
    block = key.ljust(digest(b"").block_size, b"\0")
    return digest(bytes(byte ^ 0x36 for byte in block)), digest(bytes(byte ^ 0x5C for byte in block))


def _hmac(key_state: tuple[Any, Any], value: bytes) -> bytes:
    inner, outer = key_state
    inner = inner.copy()
    inner.update(value)
    outer = outer.copy()
    outer.update(inner.digest())
    mac: bytes = outer.digest()
    return mac


def _payload(data: bytes) -> bytes:
    """Returns the data in base64, compressed where that makes it shorter."""
    # PERF: zlib.compress clears 256 KiB first, 53 us for any short text. Below 100 bytes it saves next to nothing; with
    # a window of 1 KiB it takes 6 us for 200 bytes. Whoever reads it needs no other settings.
    if len(data) >= 100:
        if len(data) < 1024:
            small = zlib.compressobj(6, zlib.DEFLATED, 10, 2)
            compressed = small.compress(data) + small.flush()
        else:
            compressed = zlib.compress(data)
        if len(compressed) < len(data) - 1:
            return b"." + encode_base64(compressed)
    return encode_base64(data)


def encode_base64(data: bytes) -> bytes:
    """Returns bytes as a base64 text for URLs, without padding."""
    return b2a_base64(data, newline=False).translate(_base64_to_url).rstrip(b"=")


def decode_base64(text: bytes) -> bytes:
    """Returns the bytes of a base64 text as loosely as itsdangerous reads it.

    :raises ValueError: the text has an impossible length.
    """
    return a2b_base64(text.translate(_url_to_base64) + b"=" * (-len(text) % 4))
