# SPDX-License-Identifier: Apache-2.0
"""Shamir's secret sharing, of PyCryptodome: secrets of 16 bytes over GF(2^128).

What it does not do: it neither knows the threshold nor notices wrong or too few shares, of which
it makes a wrong secret. So who combines compares the secret with what was announced of it
(`keys.Advert`). It is slow, about 10 ms for a secret, which is why seeds are shared, not keys.
Shamir, "How to share a secret", 1979.
"""

from __future__ import annotations

from collections.abc import Mapping

from myna.federated.crypto import Shamir
from myna.federated.secure.errors import SecureSumError

SHARE = 16  # bytes of a secret, and of a share


def split(secret: bytes, threshold: int, count: int) -> tuple[bytes, ...]:
    """Shares number 1 … `count`, of which any `threshold` make the secret.

    Args:
        secret: [16].
        threshold: at least 2.
        count: at least `threshold`.
    """
    return tuple(share for _, share in Shamir.split(threshold, count, secret, ssss=False))


def combine(shares: Mapping[int, bytes], threshold: int) -> bytes:
    """The secret [16] of the first `threshold` shares; a wrong one if a share is wrong.

    Args:
        shares: [16] each, by number.
        threshold: with which it was split.

    Raises:
        SecureSumError: they are too few.
    """
    if len(shares) < threshold:
        raise SecureSumError(
            f"{len(shares)} shares make no secret, {threshold} are needed", where="secure sum"
        )
    return bytes(Shamir.combine(sorted(shares.items())[:threshold], ssss=False))
