"""A process that compiles one grammar to see what that takes, so that a server never compiles one that explodes.

Rule: limits are of computing, memory and stack, not of time, since a busy machine is no reason to refuse. The file is
also the program of the process, which needs nothing of ours.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

_MEMORY = 2 << 30  # bytes, of addresses
_STACK = 4 << 20  # bytes; a server's threads have more
_PATIENCE = 60.0  # seconds, in which a process that computes has been ended for that
_TOO_MUCH = "compiling it takes too much computing, memory or depth; make it simpler"


class GrammarTrial:
    """One at a time, so that many callers don't take the processors from those who write."""

    def __init__(self, cpu_seconds: int = 3) -> None:
        """As many may be computed for one."""
        self._cpu_seconds = cpu_seconds
        self._one_at_a_time = threading.Lock()

    def __call__(self, grammar: str, limits: Mapping[str, int]) -> str:
        """Why it can't be used, "" where it can. It takes 0.1 seconds and more. Both arguments are llguidance's."""
        task = {"grammar": grammar, "limits": dict(limits), "cpu_seconds": self._cpu_seconds}
        program, given = [sys.executable, "-P", __file__], json.dumps(task).encode()
        with self._one_at_a_time, suppress(subprocess.TimeoutExpired):
            done = subprocess.run(program, input=given, capture_output=True, timeout=_PATIENCE, check=False)
            if done.stdout:  # it came to an end
                return str(json.loads(done.stdout))
        return _TOO_MUCH


def main() -> None:
    """Reads the task, and writes what is wrong. It is killed where it goes over its limits."""
    import resource

    from llguidance import LLMatcher, LLParserLimits, LLTokenizer

    task = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (task["cpu_seconds"], task["cpu_seconds"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    limits = LLParserLimits(**task["limits"])
    compiled = LLMatcher(LLTokenizer("byte"), task["grammar"], log_level=0, limits=limits)
    if not compiled.is_error():
        compiled.compute_bitmask()
    json.dump(compiled.get_error(), sys.stdout)


if __name__ == "__main__":
    threading.stack_size(_STACK)
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
