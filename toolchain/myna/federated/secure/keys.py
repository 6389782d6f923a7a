# SPDX-License-Identifier: Apache-2.0
"""Keys of one round: what a client draws, announces, and agrees on with others.

X25519 (RFC 7748) agrees, HKDF-SHA256 (RFC 5869) derives, ChaCha20-Poly1305 (RFC 8439) seals. All
of `cryptography`. Each derived key serves one purpose once, so nonces are zero.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from myna.federated.crypto import (
    HKDF,
    SHA256,
    ChaCha20Poly1305,
    InvalidTag,
    X25519PrivateKey,
    X25519PublicKey,
)
from myna.federated.secure.errors import SecureSumError
from myna.federated.secure.shares import SHARE

KEY = 32  # bytes
NONCE = bytes(12)
PAIR, SEAL = b"pair", b"seal"  # what is derived from an agreement
PAIR_KEY, OWN_KEY = b"pair key", b"own key"  # what is derived from a client's seeds


@dataclass(frozen=True)
class Advert:
    """What a client announces.

    Attributes:
        channel: [32] public key, by which shares are sealed for this client.
        pair: [32] public key, of the pairwise masks.
        own: [32] SHA-256 of the seed of its own mask, so that a wrong one is noticed.
    """

    channel: bytes
    pair: bytes
    own: bytes

    def to_bytes(self) -> bytes:
        """As a message carries it, [96]."""
        return self.channel + self.pair + self.own

    @classmethod
    def of(cls, data: bytes) -> Self:
        """What a message carries.

        Raises:
            SecureSumError: it is of another size.
        """
        if len(data) != 3 * KEY:
            raise SecureSumError(f"announced {len(data)} bytes, not {3 * KEY}", where="secure sum")
        return cls(data[:KEY], data[KEY : 2 * KEY], data[2 * KEY :])


@dataclass(frozen=True)
class Secrets:
    """What a client draws anew for each round, and forgets after it.

    Attributes:
        channel: [32] private key of `Advert.channel`; never shared.
        pair: [16] seed of the private key of `Advert.pair`; shared, told if this client is lost.
        own: [16] seed of the client's own mask; shared, told if it is not lost.
    """

    channel: bytes
    pair: bytes
    own: bytes

    @classmethod
    def draw(cls) -> Self:
        """Of the operating system."""
        return cls(os.urandom(KEY), os.urandom(SHARE), os.urandom(SHARE))

    def advert(self) -> Advert:
        """What is announced of them."""
        return Advert(public(self.channel), public(derive(self.pair, PAIR_KEY)), commit(self.own))


def commit(seed: bytes) -> bytes:
    """What binds to a seed without telling it, [32]."""
    return sha256(seed).digest()


def public(private: bytes) -> bytes:
    """The public key [32] of a private one [32]."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def derive(secret: bytes, purpose: bytes) -> bytes:
    """A key [32] for one purpose."""
    return HKDF(SHA256(), KEY, None, b"myna secure sum, " + purpose).derive(secret)


def agree(private: bytes, other: bytes, purpose: bytes, first: int, second: int) -> bytes:
    """The key [32] of two nodes for one purpose, the same at both.

    Args:
        private: [32] of one.
        other: [32] public, of the other.
        purpose: `PAIR` or `SEAL`.
        first, second: the nodes, in an order that both take.

    Raises:
        SecureSumError: the public key is none.
    """
    try:
        key = X25519PublicKey.from_public_bytes(other)
        shared = X25519PrivateKey.from_private_bytes(private).exchange(key)
    except ValueError as error:
        raise SecureSumError("a public key is none", where="secure sum") from error
    return derive(shared, purpose + struct.pack("<QQ", first, second))


def seal(key: bytes, data: bytes) -> bytes:
    """Data that only who has the key can read, 16 bytes longer."""
    return ChaCha20Poly1305(key).encrypt(NONCE, data, None)


def unseal(key: bytes, data: bytes) -> bytes:
    """What was sealed.

    Raises:
        SecureSumError: with another key, or it was changed.
    """
    try:
        return ChaCha20Poly1305(key).decrypt(NONCE, data, None)
    except InvalidTag as error:
        raise SecureSumError("a sealed share was changed", where="secure sum") from error
