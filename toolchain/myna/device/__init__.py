# SPDX-License-Identifier: Apache-2.0
"""Boards: building firmware for them, starting virtual ones, talking to them."""
