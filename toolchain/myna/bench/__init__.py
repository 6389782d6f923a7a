# SPDX-License-Identifier: Apache-2.0
"""Instructions and bytes, counted exactly in the emulator."""
