# SPDX-License-Identifier: Apache-2.0
"""From a forward graph to a training step: gradients, ranges, what is trained and rehearsed."""
