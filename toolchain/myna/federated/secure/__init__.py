# SPDX-License-Identifier: Apache-2.0
"""Secure aggregation: the server learns the sum of updates, and no update; exact to the bit."""
