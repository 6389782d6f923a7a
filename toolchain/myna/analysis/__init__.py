# SPDX-License-Identifier: Apache-2.0
"""What a training step costs, computed from its program."""
