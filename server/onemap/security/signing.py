"""Signatures: behind one interface, so that a certified device or another algorithm can take the place of a file.

What is signed is the pre-authentication encoding of DSSE v1.0.2, so that a signature counts for one type of payload.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from onemap.errors import ConfigError

Jwk = Mapping[str, str]


class Signer(Protocol):
    """Signs what the server says."""

    @property
    def key(self) -> Jwk:
        """The public key as a JSON Web Key (RFC 8037) with the members kty, crv, x, alg, use and kid."""
        ...

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        """Return the signature of a payload of this type."""
        ...


def encoded(payload_type: str, payload: bytes) -> bytes:
    """Return what is signed: type and payload with their lengths (PAE of DSSE)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True)
class Ed25519Signer:
    """Signs with an Ed25519 key (RFC 8032) that lies in a file."""

    private: Ed25519PrivateKey

    @cached_property
    def key(self) -> Jwk:
        """The public key."""
        raw = self.private.public_key().public_bytes_raw()
        x = _base64url(raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "use": "sig", "kid": _thumbprint(x)}

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        return self.private.sign(encoded(payload_type, payload))


def verifies(key: Jwk, payload_type: str, payload: bytes, signature: bytes) -> bool:
    """Whether a signature is that of this payload by this key; False for a key of another kind, too."""
    if (key.get("kty"), key.get("crv")) != ("OKP", "Ed25519") or key.get("kid") != _thumbprint(key.get("x", "")):
        return False
    try:
        public = Ed25519PublicKey.from_public_bytes(_raw(key["x"]))
        public.verify(signature, encoded(payload_type, payload))
    except (InvalidSignature, ValueError):
        return False
    return True


def signer_from(path: Path) -> Ed25519Signer:
    """Return the signer whose key is in a file (PKCS 8, PEM), which is made for its owner alone where there is none.

    Raises ConfigError for a file that holds no Ed25519 key or that others may read, OSError where none can be made.
    """
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path}: others may read the key.", f"chmod 600 {path}")
    try:
        found = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        raise ConfigError(f"{path} is not a private key (PKCS 8, PEM) without a password.") from None
    if not isinstance(found, Ed25519PrivateKey):
        raise ConfigError(f"{path} is not an Ed25519 key.", "openssl genpkey -algorithm ed25519")
    return Ed25519Signer(found)


def _make(path: Path) -> None:
    """Write a new key. Of several processes that start at once, the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    part = path.with_name(f"{path.name}.{os.getpid()}")
    place = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(place, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def _thumbprint(x: str) -> str:
    """Return the JWK thumbprint of a key (RFC 7638): its id everywhere."""
    canonical = '{"crv":"Ed25519","kty":"OKP","x":"' + x + '"}'
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
