"""`python -m training`."""

import os

from training.cli import app


def main() -> None:
    try:
        app(prog_name="python -m training")
    except SystemExit as end:
        if "RANK" not in os.environ:
            raise
        from training.group import leave

        leave(end.code if isinstance(end.code, int) else 1)


main()
