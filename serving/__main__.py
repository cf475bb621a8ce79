"""The `slipway` command, and `python -m serving`. Rule: it listens to signals before it imports what takes a second."""

import os
import signal
import sys


def main() -> None:
    if os.getpid() == 1:  # the first process of a container gets no signal that it has no handler for
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    is_heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not where whoever started it ignores it
    if is_heard:
        signal.signal(signal.SIGINT, lambda number, _: os._exit(128 + number))
    from serving.cli import main as slipway

    if is_heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        slipway()
    except KeyboardInterrupt:  # before a command runs, which says for itself what it left
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
