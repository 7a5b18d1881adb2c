"""Keys: who can open what, and the keyed names under which things are found without being opened.

A root secret derives, by HKDF (RFC 5869), one key per use: the key-encryption key that wraps the key of each patient
and delivery, and the index key of the keyed names (blind indexes). In production the root stays with a transit
service behind `KeyProvider`; the embedded default is a file, apart from the home when `CARNET_KEYS` says so.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap


class KeyProvider(Protocol):
    """What the store needs of a key service."""

    def wrap(self, key: bytes) -> bytes:
        """A 32-byte key, wrapped so that only this provider can give it back."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key; `KeysDoNotFit` when it was wrapped under another root."""

    def index_key(self) -> bytes:
        """The key of the blind indexes: stable for the life of a home."""


class KeysDoNotFit(Exception):
    """The keys at hand are not those this home was sealed with."""


def derive(key: bytes, use: str) -> bytes:
    """A 32-byte sub-key for one use."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"carnet/{use}".encode()).derive(key)


class FileKeys:
    """Root secret in a file of mode 0600, made on first use; two processes that race end with one file."""

    def __init__(self, path: Path) -> None:
        root = _read_or_make(path)
        self._wrapping = derive(root, "wrap")
        self._index = derive(root, "index")

    def wrap(self, key: bytes) -> bytes:
        return aes_key_wrap(self._wrapping, key)

    def unwrap(self, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._wrapping, wrapped)
        except InvalidUnwrap:
            raise KeysDoNotFit from None

    def index_key(self) -> bytes:
        return self._index


def _read_or_make(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(32))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # another process made it first: its key is the one that counts
        finally:
            fresh.unlink()
    root = path.read_bytes()
    if len(root) != 32:
        raise KeysDoNotFit
    return root


class Names:
    """Keyed names (HMAC-SHA-256, 128 bits, hex): equal things have equal names, and nothing can be guessed."""

    def __init__(self, index_key: bytes) -> None:
        self._keyed = hmac.new(index_key, digestmod=hashlib.sha256)

    def name(self, kind: str, *parts: str) -> str:
        keyed = self._keyed.copy()
        keyed.update("\x1f".join((kind, *parts)).encode("utf-8", "surrogatepass"))
        return keyed.digest()[:16].hex()


class OwnerKeys:
    """The two sub-keys of an owner (a patient or a delivery): to wrap object keys, and to name in the lake."""

    __slots__ = ("lake", "patient", "wrapping")

    def __init__(self, key: bytes) -> None:
        self.wrapping = derive(key, "object")
        self.lake = derive(key, "lake")
        self.patient = self.pseudonym("patient")
        """The pseudonym of a patient."""

    def pseudonym(self, salt: str) -> str:
        """The owner's name in the lake; without the key nothing leads back to the owner."""
        return hmac.digest(self.lake, salt.encode(), "sha256")[:16].hex()


def new_key() -> bytes:
    return secrets.token_bytes(32)


@lru_cache(maxsize=4096)
def owner_keys(key: bytes) -> OwnerKeys:
    return OwnerKeys(key)
