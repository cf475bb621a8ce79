"""A process that compiles one grammar to see what that takes, so that a server never compiles one that explodes.

Rule: limits are of computing, memory and stack, not of time, since a busy machine is no reason to refuse. The file is
also the program of the process, which needs nothing of ours.
"""

import json
import resource
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

_CPU_SECONDS = 3
_MEMORY = 2 << 30  # bytes, of addresses
_STACK = 4 << 20  # bytes; a server's threads have more
_PATIENCE = 60.0  # seconds, in which a process that lives has been killed for its computing
_TOO_MUCH = f"compiling it takes more than {_CPU_SECONDS} seconds of computing, or too much memory; make it simpler"


class GrammarTrial:
    """One at a time, so that many callers don't take the processors from those who write."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()

    def __call__(self, grammar: str, limits: Mapping[str, int]) -> str:
        """Why it can't be used, "" where it can. It takes 0.1 seconds and more. Both arguments are llguidance's."""
        task = json.dumps({"grammar": grammar, "limits": dict(limits)}).encode()
        program = [sys.executable, "-P", __file__]
        try:
            with self._one_at_a_time:
                done = subprocess.run(program, input=task, capture_output=True, timeout=_PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return _TOO_MUCH
        return done.stdout.decode(errors="replace") if done.returncode == 0 else _TOO_MUCH


def main() -> None:
    """Reads the task, and writes what is wrong. It is killed where it goes over its limits."""
    from llguidance import LLMatcher, LLParserLimits, LLTokenizer

    task = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    limits = LLParserLimits(**task["limits"])
    compiled = LLMatcher(LLTokenizer("byte"), task["grammar"], log_level=0, limits=limits)
    if not compiled.is_error():
        compiled.compute_bitmask()
    sys.stdout.write(compiled.get_error())


if __name__ == "__main__":
    threading.stack_size(_STACK)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
