"""The `slipway` command, and `python -m serving`. Rule: it listens to SIGTERM before it imports what takes a second."""

import os
import signal
import sys


def main() -> None:
    if os.getpid() == 1:  # the first process of a container gets no signal that it has no handler for
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    from serving.cli import main as slipway

    slipway()


if __name__ == "__main__":
    main()
