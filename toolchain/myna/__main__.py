# SPDX-License-Identifier: Apache-2.0
"""What ``myna`` and ``python -m myna`` run: an interruption is no traceback from the start on."""

import sys


def main() -> None:
    """Entry point; the command line is imported within it, as importing takes a while."""
    try:
        from myna.cli import main as command_line  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit("Aborted!")  # as click says of all that comes later
    command_line()


if __name__ == "__main__":
    main()
