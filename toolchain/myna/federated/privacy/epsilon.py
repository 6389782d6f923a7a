# SPDX-License-Identifier: Apache-2.0
"""The ε of Gaussian noise, by dp-accounting, which only this module loads."""

from __future__ import annotations

from myna.errors import MynaError, install

DELTA = 1e-5


def epsilon(multiplier: float, times: int) -> float:
    """The ε at δ = `DELTA` of Gaussian noise that was added several times.

    The accountant's Rényi divergences of the Gaussian bound those of the discrete one (Canonne et
    al. 2020, theorem 4), so its ε holds for both.

    Args:
        multiplier: deviation of the noise over what one client can change.
        times: rounds in which a client took part.

    Raises:
        MynaError: dp-accounting is not installed.
    """
    try:
        from dp_accounting import GaussianDpEvent, SelfComposedDpEvent  # noqa: PLC0415
        from dp_accounting.rdp import RdpAccountant  # noqa: PLC0415
    except ImportError as error:
        what = f"the budget of privacy cannot be computed ({error})"
        raise MynaError(what, fix=install("federated")) from error
    if not times:
        return 0.0
    accountant = RdpAccountant()
    accountant.compose(SelfComposedDpEvent(GaussianDpEvent(multiplier), times))
    return float(accountant.get_epsilon(DELTA))
