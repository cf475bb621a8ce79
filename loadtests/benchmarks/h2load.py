"""gRPC calls over connections that each send the next one as soon as the last is answered, by nghttp2's h2load.

Rule: it sees HTTP/2 and no gRPC, so that who measures with it has looked at an answer before.
"""

import re
import shutil
import subprocess
import tempfile

import numpy as np

from loadtests.benchmarks.closed_loop import Load
from loadtests.benchmarks.server_process import ServerFailed

_HEADERS = ("content-type: application/grpc", "te: trailers", "user-agent: h2load")
_ENDED = re.compile(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded")


def program() -> str:
    if found := shutil.which("h2load"):
        return found
    raise ServerFailed("h2load is not installed; Debian's package is nghttp2-client")


def by_h2load(port: int, method: str, message: bytes, connections: int, seconds: int, at_once: int = 1) -> Load:
    """`method` as `/package.Service/Name`; `at_once`: calls of a connection that wait for their answers."""
    with tempfile.NamedTemporaryFile() as body, tempfile.NamedTemporaryFile() as log:
        body.write(b"\0" + len(message).to_bytes(4, "big") + message)
        body.flush()
        options = ["-t1", f"-c{connections}", f"-m{at_once}", f"-D{seconds}", "--warm-up-time=1"]
        headers = [part for header in _HEADERS for part in ("-H", header)]
        url = f"http://127.0.0.1:{port}{method}"
        command = [program(), *options, *headers, "-d", body.name, f"--log-file={log.name}", url]
        done = subprocess.run(command, capture_output=True, text=True)
        found = _ENDED.search(done.stdout)
        if done.returncode or found is None or not int(found[2]):
            raise ServerFailed(f"h2load had no answer: {(done.stderr or done.stdout)[-500:]}")
        times = np.loadtxt(log.name, usecols=2, ndmin=1) / 1000  # of microseconds
    failed = int(found[1]) - int(found[2])
    p50, p99 = np.percentile(times, [50, 99])
    return Load(int(found[2]) / seconds, float(p50), float(p99), failed)
