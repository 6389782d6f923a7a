# SPDX-License-Identifier: Apache-2.0
"""Mutation testing: do the tests notice when one token of the code is wrong?

Outside CI (`make mutate`). No tool that we found mutates both Python and C, so this is our own: it
changes single tokens, as defects of arithmetic, conditions and limits are of that size.
"""
