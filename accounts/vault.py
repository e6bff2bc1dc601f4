"""Seals secrets so that the database alone does not reveal them, nor a swapped row go unnoticed.

A sealed secret: 1 byte of version, 4 of the key's id, 12 of nonce, then AES-256-GCM's text and tag. What it is bound to
(tenant, provider, row) is authenticated with it and not in it.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accounts.keyring import Keyring
from core.errors import StorageError

_VERSION = b"\x01"
_HEAD, _NONCE, _TAG = 5, 12, 16


class Vault:
    """Seals with the current secret key; opens with any of them."""

    def __init__(self, keyring: Keyring):
        keys = keyring.derive("vault")
        self._keys = {hashlib.sha256(b"voiceforge vault key id" + key).digest()[:4]: AESGCM(key) for key in keys}
        self._current = next(iter(self._keys))

    def seal(self, plain: bytes | str, bound: str) -> bytes:
        """Another text each time; `bound` must be given again to open it."""
        data = plain.encode() if isinstance(plain, str) else plain
        head, nonce = _VERSION + self._current, os.urandom(_NONCE)
        return head + nonce + self._keys[self._current].encrypt(nonce, data, head + bound.encode())

    def open(self, sealed: bytes, bound: str) -> bytes:
        """Raises StorageError where the key is another, the text was changed, or it is bound to something else."""
        head, nonce, text = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        if head[:1] != _VERSION or len(text) < _TAG:
            raise StorageError("This is not a sealed secret.")
        if (key := self._keys.get(head[1:])) is None:
            raise StorageError("This was sealed with another secret key than VOICEFORGE_SECRET_KEY has now.")
        try:
            return key.decrypt(nonce, text, head + bound.encode())
        except InvalidTag as error:
            raise StorageError("A sealed secret was changed, or belongs somewhere else.") from error

    def is_current(self, sealed: bytes) -> bool:
        """Whether it is sealed with the key in use; if not, opening and sealing it again moves it on."""
        return sealed[1:_HEAD] == self._current
