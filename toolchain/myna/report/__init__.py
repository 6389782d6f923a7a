# SPDX-License-Identifier: Apache-2.0
"""Pictures and summaries of results."""

import logging

# where its cache cannot be written, or is made: nothing that a user of Myna asked about
logging.getLogger("matplotlib").setLevel(logging.ERROR)
