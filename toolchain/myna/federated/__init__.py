# SPDX-License-Identifier: Apache-2.0
"""Many boards learn together: their updates are averaged, their recordings stay where they are."""
