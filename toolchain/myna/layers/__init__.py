# SPDX-License-Identifier: Apache-2.0
"""The layers of a network, a file for each family: shapes, float form, integer form."""
