# SPDX-License-Identifier: Apache-2.0
"""Cryptography's primitives, imported here alone, or a word on how to get them."""

from __future__ import annotations

from myna.errors import MynaError, install

__all__ = [
    "HKDF",
    "SHA256",
    "ChaCha20Poly1305",
    "InvalidTag",
    "KeyStream",
    "Shamir",
    "X25519PrivateKey",
    "X25519PublicKey",
]

try:
    from Crypto.Protocol.SecretSharing import Shamir
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError as error:
    raise MynaError(f"cryptography cannot be used ({error})", fix=install("federated")) from error


class KeyStream:
    """The bytes of ChaCha20 (RFC 8439) by a key [32] that serves nothing else: no nonce."""

    def __init__(self, key: bytes) -> None:
        self._encryptor = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()

    def read(self, size: int) -> bytes:
        """The next bytes of the stream."""
        return self._encryptor.update(bytes(size))
