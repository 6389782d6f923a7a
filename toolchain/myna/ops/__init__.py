# SPDX-License-Identifier: Apache-2.0
"""The ops of a graph, a file for each family: types, reference, gradient rule, test cases."""
