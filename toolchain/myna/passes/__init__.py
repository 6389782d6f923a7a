# SPDX-License-Identifier: Apache-2.0
"""The compiler: pure functions from graph to graph; `pipeline` shows their order."""
