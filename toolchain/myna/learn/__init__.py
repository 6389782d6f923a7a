# SPDX-License-Identifier: Apache-2.0
"""Learning from a few utterances: engines, recipes, evaluation protocols."""
