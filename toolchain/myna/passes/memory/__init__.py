# SPDX-License-Identifier: Apache-2.0
"""From a training step to a program: stored, inverted or recomputed; ordered; placed."""
