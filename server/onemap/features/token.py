"""Keyset paging tokens: the last key of a page, opaque and protected against change."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import orjson

from onemap.errors import InvalidParameter
from onemap.store.base import Key

_SIGNATURE = 12


class Tokens:
    """Write and read tokens with one secret; a token holds for the collection it was made for."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, key: Key, collection: str) -> str:
        """Return the token of the page that begins after ``key``."""
        payload = orjson.dumps(key)
        return base64.urlsafe_b64encode(self._sign(payload, collection) + payload).decode().rstrip("=")

    def read(self, token: str, collection: str) -> Key:
        """Return the key in a token. Raises InvalidParameter for one that this server did not make."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        signature, payload = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not payload or not hmac.compare_digest(signature, self._sign(payload, collection)):
            raise InvalidParameter(
                "'next' is not a token of this collection.", "Follow the `next` link as it is given."
            )
        key: Key = orjson.loads(payload)
        return key

    def _sign(self, payload: bytes, collection: str) -> bytes:
        message = collection.encode() + b"\x00" + payload
        return hmac.new(self._secret, message, hashlib.sha256).digest()[:_SIGNATURE]
