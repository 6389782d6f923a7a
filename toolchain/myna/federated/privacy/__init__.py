# SPDX-License-Identifier: Apache-2.0
"""Differential privacy in integers: clipped updates, discrete noise, and what it guarantees."""
