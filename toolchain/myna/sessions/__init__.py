# SPDX-License-Identifier: Apache-2.0
"""A user with a board: enrolling, listening, and taking along what was learned."""
