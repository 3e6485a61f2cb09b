"""Keyset paging tokens: the last key of a page, opaque and protected against change."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

import orjson

from onemap.errors import InvalidParameter
from onemap.store import Position, SortKey

_SIGNATURE = 12


class Tokens:
    """Write and read tokens with one secret; a token holds for the collection it was made for."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, position: Position, collection: str, order: Sequence[SortKey] = ()) -> str:
        """Return the token of the page that begins after a position."""
        payload = orjson.dumps([position.key, *position.values])
        return base64.urlsafe_b64encode(self._sign(payload, collection, order) + payload).decode().rstrip("=")

    def read(self, token: str, collection: str, order: Sequence[SortKey] = ()) -> Position:
        """Return the position in a token. Raises InvalidParameter for one that this server did not make for this."""
        try:
            raw = base64.b64decode(token.replace("=", "!") + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        signature, payload = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if not payload or not hmac.compare_digest(signature, self._sign(payload, collection, order)):
            raise InvalidParameter(
                "'next' is not a token of this collection and order.", "Follow the `next` link as it is given."
            )
        key, *values = orjson.loads(payload)
        return Position(key, tuple(values))

    def _sign(self, payload: bytes, collection: str, order: Sequence[SortKey]) -> bytes:
        sorting = [(sort.name, sort.descending) for sort in order]
        message = orjson.dumps([collection, sorting]) + payload
        return hmac.new(self._secret, message, hashlib.sha256).digest()[:_SIGNATURE]
