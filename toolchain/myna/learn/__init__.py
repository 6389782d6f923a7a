# SPDX-License-Identifier: Apache-2.0
"""Learning on the device: the twins of firmware/runtime, under the same names."""
