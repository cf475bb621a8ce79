"""`python -m serving` is the `slipway` command."""

from serving.cli import main

if __name__ == "__main__":
    main()
