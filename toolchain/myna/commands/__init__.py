# SPDX-License-Identifier: Apache-2.0
"""The commands of `myna`, one file each."""
