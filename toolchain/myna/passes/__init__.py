# SPDX-License-Identifier: Apache-2.0
"""Compiler passes, each a pure function in a file of its own; pipeline.py shows their order."""
