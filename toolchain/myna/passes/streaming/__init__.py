# SPDX-License-Identifier: Apache-2.0
"""From an inference on a whole window to one that takes in a few rows at a time."""
