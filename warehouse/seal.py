"""The envelope of a sealed object: compressed, encrypted under a key of its own, bound to its owner.

Layout: version (1 byte, 0x01) · compression (1 byte: 0 none, 1 zstd) · nonce (12) · object key wrapped to the owner
(40, AES key wrap, RFC 3394) · AES-256-GCM ciphertext with tag. Authenticated beside it: version, compression, owner
and object id, so that an object moved to another owner or name does not open.
"""

from __future__ import annotations

import secrets
import threading

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from warehouse.keys import OwnerKeys

VERSION = 1
_PLAIN, _ZSTD = 0, 1
_HEADER = 2 + 12 + 40
_local = threading.local()


class DoesNotOpen(Exception):
    """The sealed bytes were altered, moved, or sealed under another key."""


def seal(keys: OwnerKeys, owner: str, object_id: str, plain: bytes) -> bytes:
    """The envelope of `plain` for one owner under one object id."""
    packed = _compressor().compress(plain)
    compression, body = (_ZSTD, packed) if len(packed) < len(plain) else (_PLAIN, plain)
    key, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
    head = bytes((VERSION, compression))
    ciphertext = AESGCM(key).encrypt(nonce, body, _bound(head, owner, object_id))
    return head + nonce + aes_key_wrap(keys.wrapping, key) + ciphertext


def unseal(keys: OwnerKeys, owner: str, object_id: str, sealed: bytes) -> bytes:
    """The bytes that were sealed; `DoesNotOpen` on any other owner, object id, key or content."""
    head, nonce, wrapped, ciphertext = sealed[:2], sealed[2:14], sealed[14:_HEADER], sealed[_HEADER:]
    if len(sealed) < _HEADER + 16 or head[0] != VERSION:
        raise DoesNotOpen
    try:
        key = aes_key_unwrap(keys.wrapping, wrapped)
        body = AESGCM(key).decrypt(nonce, ciphertext, _bound(head, owner, object_id))
    except (InvalidTag, InvalidUnwrap):
        raise DoesNotOpen from None
    return zstandard.ZstdDecompressor().decompress(body) if head[1] == _ZSTD else body


def _bound(head: bytes, owner: str, object_id: str) -> bytes:
    return head + f"{owner}\x1f{object_id}".encode()


def _compressor() -> zstandard.ZstdCompressor:
    """One compressor a thread: a shared one corrupts under two threads."""
    found: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if found is None:
        found = _local.compressor = zstandard.ZstdCompressor(level=1)
    return found
