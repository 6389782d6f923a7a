# SPDX-License-Identifier: Apache-2.0
"""Comparisons that DESIGN.md reports: apart from the product, which needs none of this."""
