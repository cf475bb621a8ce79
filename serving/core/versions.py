"""Which folders of a model's folder are its versions."""

import re

_VERSION = re.compile(r"0|[1-9][0-9]*")


def is_version(name: str) -> bool:
    """A number without leading zeros, as Triton has it; other folders are something else."""
    return _VERSION.fullmatch(name) is not None
