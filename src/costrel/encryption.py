"""Encrypts the text of a session cookie, so that the visitor cannot read it: AES-256 in GCM (NIST SP 800-38D).

The cookie is the nonce, the ciphertext and the tag in base64 for URLs. The text begins with the time of signing. It is
not compressed: its length would tell something of what is secret in it to whoever can write another part.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Sequence
from typing import Any

from costrel.signing import Digest, TextSigner, decode_base64, encode_base64

_NONCE_SIZE = 12
_TIME_SIZE = 8


class Encrypter(TextSigner):
    """Encrypts with one secret key, and reads what that one or an older one has encrypted.

    :param keys: the secret keys; the last one encrypts.
    :param salt: distinguishes purposes.
    :param digest: not used; that of the signer in whose place this stands.
    :raises RuntimeError: the package ``cryptography`` is not installed.
    """

    def __init__(self, keys: Sequence[bytes], salt: bytes, digest: Digest) -> None:
        try:
            # An optional dependency.
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError:
            raise RuntimeError(
                "SESSION_ENCRYPT needs the package cryptography. Install it with `pip install 'costrel[tls]'`."
            ) from None
        self._salt = salt
        # Derived apart from the key that signs (NIST SP 800-108 §4.1).
        purpose = b"costrel session encryption\0" + salt
        self._ciphers: list[Any] = [AESGCM(hmac.digest(key, purpose, "sha256")) for key in reversed(keys)]

    def sign(self, text: str) -> str:
        """Returns the text encrypted; it consists of ASCII letters, digits, ``-`` and ``_``."""
        nonce = os.urandom(_NONCE_SIZE)
        data = int(time.time()).to_bytes(_TIME_SIZE, "big") + text.encode()
        return encode_base64(nonce + self._ciphers[0].encrypt(nonce, data, self._salt)).decode("ascii")

    def unsign(self, signed: str, max_age: int) -> str | None:
        """Returns the text, or None where it was not encrypted here, was changed, is too old, or is from the future.

        :param max_age: seconds.
        """
        data = self._decrypt(signed)
        if data is None:
            return None
        age = int(time.time()) - int.from_bytes(data[:_TIME_SIZE], "big")
        return data[_TIME_SIZE:].decode() if 0 <= age <= max_age else None

    def _decrypt(self, signed: str) -> bytes | None:
        from cryptography.exceptions import InvalidTag  # imported already, by the constructor

        try:
            data = decode_base64(signed.encode())
        except ValueError:
            return None
        for cipher in self._ciphers:
            try:
                plain: bytes = cipher.decrypt(data[:_NONCE_SIZE], data[_NONCE_SIZE:], self._salt)
            except (InvalidTag, ValueError):
                continue
            return plain
        return None
