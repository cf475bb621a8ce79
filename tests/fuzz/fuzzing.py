"""One target under atheris, which looks for inputs that reach new code: `python -m tests.fuzz.fuzzing TARGET FLAGS...`.

Rule: runs in a process of its own, since libFuzzer ends the one that it is in. Its flags are libFuzzer's.
"""

import sys

import atheris  # type: ignore[import-untyped] # not among the project's packages: `make fuzz` fetches it

with atheris.instrument_imports(include=["serving"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    name, *flags = sys.argv[1:]
    atheris.Setup([name, *flags], TARGETS[name])
    atheris.Fuzz()
