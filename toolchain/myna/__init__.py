# SPDX-License-Identifier: Apache-2.0
"""Myna: on-chip learning for microcontrollers, integer only and bit-exact."""

__version__ = "0.1.0"
