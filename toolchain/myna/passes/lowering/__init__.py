# SPDX-License-Identifier: Apache-2.0
"""From a float model to a graph of integer ops: calibrate, quantize, lower."""
