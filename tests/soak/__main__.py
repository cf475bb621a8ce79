"""`python -m tests.soak`: exit code 0 where it held, 1 where it did not, one line per reason."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.soaking import soak

CONNECTIONS = 64


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    options.add_argument("--seconds", type=float, default=1800)
    options.add_argument("--connections", type=int, default=CONNECTIONS)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument(
        "--folder", type=Path, help="where the models and the server's log are left; unless given, nowhere"
    )
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        return bool(soak(asked.folder or Path(temporary), asked.seconds, asked.connections, asked.seed))


if __name__ == "__main__":
    sys.exit(main())
