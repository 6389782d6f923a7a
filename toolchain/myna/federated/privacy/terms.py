# SPDX-License-Identifier: Apache-2.0
"""What a federation promises about a client's update, and what is done for it; SPEC.md, 18."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, sqrt

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.errors import MynaError
from myna.federated.aggregate import Total
from myna.federated.client import LOSSLESS, Order
from myna.federated.privacy.clip import clip
from myna.federated.privacy.epsilon import epsilon
from myna.federated.privacy.noise import gaussian
from myna.learn.vector import Form, Vector, averaged
from myna.passes.memory.plan import Program

CENTRAL, LOCAL = "central", "local"
RANGE_GRAIN = 1 << 16  # makes an octave of a range 256, as much as a step of a weight
LEAST = 4  # deviation of a share of noise, from which sums of shares are as good as one noise
TAIL = 16  # deviations that noise exceeds with a probability below 2^-180


@dataclass(frozen=True)
class Privacy:
    """What protects the updates of clients.

    Attributes:
        secure: whether the server learns sums of updates only.
        noise_by: who adds noise: `CENTRAL` the server, `LOCAL` each client, None nobody.
        clip: L2 norm of an update, at most; 0 without noise.
        noise: deviation of the noise over `clip`.
    """

    secure: bool = False
    noise_by: str | None = None
    clip: int = 0
    noise: float = 0.0

    @property
    def server_noise(self) -> int:
        """Deviation of the noise that the server adds to the sum; 0 for none."""
        return ceil(self.noise * self.clip) if self.noise_by == CENTRAL else 0

    def client_noise(self, asked: int) -> int:
        """Deviation of the noise that each of the clients asked adds; 0 for none.

        Of a secure sum only as much as makes the wanted noise where as few as may stay do.
        """
        if self.noise_by != LOCAL:
            return 0
        return ceil(self.noise * self.clip / (sqrt(quorum(asked)) if self.secure else 1))

    def multiplier(self, asked: int) -> float:
        """Deviation of the noise over how far one client can move what is seen.

        A sum moves by `clip` where a client is left out. A single update, which is what local
        noise hides without a secure sum, moves by twice as much where it is another.
        """
        if self.noise_by == CENTRAL:
            return self.server_noise / self.clip
        share = self.client_noise(asked) / self.clip
        return share * sqrt(quorum(asked)) if self.secure else share / 2

    def order(self, order: Order, asked: int) -> Order:
        """What clients are asked for, so that the promise is kept."""
        return replace(order, clip=self.clip, noise=self.client_noise(asked))

    def bits(self, asked: float | None, usual: float) -> float:
        """Bits for each trained weight: those asked for or the usual ones; all of private updates.

        Raises:
            MynaError: fewer are asked for, although updates are masked or noisy.
        """
        if not self.secure and self.noise_by is None:
            return asked or usual
        if asked:
            raise MynaError(
                "updates with masks or noise cannot be compressed",
                fix="leave out --bits-up and --bits-down, or --secure and --dp",
            )
        return LOSSLESS

    def check(self, asked: int) -> None:
        """Raise MynaError where a sum over the clients asked could overflow, or noise is coarse.

        Or where the budget could not be told in the end, as its accountant is not installed.
        """
        if self.noise_by is None:
            return
        epsilon(self.multiplier(asked), 0)
        share = self.client_noise(asked)
        if asked * (self.clip + TAIL * share) + TAIL * self.server_noise >= 2**31:
            raise MynaError(
                f"sums over {asked} clients could overflow with --clip {self.clip} and --noise"
                f" {self.noise}",
                fix="lower either",
            )
        if min(share or LEAST, self.server_noise or LEAST) < LEAST:
            raise MynaError(
                f"noise of a deviation of {share or self.server_noise} is too coarse",
                fix=f"raise --clip or --noise, so that it is at least {LEAST}",
            )


PLAIN = Privacy()


def quorum(asked: int) -> int:
    """How many of those who are asked must stay, for a secure sum: more than half."""
    return asked // 2 + 1


def protect(
    program: Program, update: Vector, most: int, noise: int = 0, key: bytes = b""
) -> Vector:
    """What a client sends of an update, int32 [parameters]: in grains, clipped, with noise.

    Args:
        program: of everybody.
        update: int32 [parameters].
        most: norm in grains, see `clip`.
        noise: deviation; 0 for none.
        key: [32] of the noise.
    """
    clipped = clip(fixed.divide(update, _grain(program)).astype(np.int32), most)
    return clipped + gaussian(key, noise, clipped.size).astype(np.int32) if noise else clipped


def release(program: Program, total: Total, noise: int, key: bytes) -> Total:
    """A sum of protected updates, of which the server makes its next state; see `protect`."""
    vector = total.vector
    if noise:
        vector = vector + gaussian(key, noise, vector.size)
    return Total(total.takes, vector * _grain(program))


def _grain(program: Program) -> npt.NDArray[np.int64]:
    sizes = [
        np.full(part.size, RANGE_GRAIN if part.form is Form.RANGE else 1)
        for part in averaged(program)
    ]
    return np.concatenate(sizes)
