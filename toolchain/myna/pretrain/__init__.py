# SPDX-License-Identifier: Apache-2.0
"""Pretraining in float, on a computer: data, augmentation, recipe."""
