"""As many requests as a server answers, over connections that each send the next one as soon as the last is answered.

Rule: the load comes from another process than the server and the benchmark: wrk's, where it is installed, which needs
the least of the machine that all of them share; else Python's.
"""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from loadtests.benchmarks.callers import Answer, Connection, at_once, failures, latency_ms
from loadtests.benchmarks.server_process import ServerFailed
from loadtests.call import Call

_SCRIPT = Path(__file__).with_name("closed_loop.lua")


@dataclass(frozen=True, slots=True)
class Load:
    """What the callers saw, and where it is known what the server used for each request in CPU microseconds.

    A refusal and a connection that broke count as failed.
    """

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    failed: int
    cpu_us: float = 0.0


Generate = Callable[[int, Call, int, int], Load]
"""To a port, of one call, over so many connections, for so many seconds."""


def generator() -> tuple[str, Generate]:
    """What there is to make load with, in words, and it."""
    if program := shutil.which("wrk"):
        return "wrk, one thread", partial(by_wrk, program)
    return "a process of Python's own, a thread for each connection (install wrk for a faster one)", by_callers


def by_wrk(program: str, port: int, call: Call, connections: int, seconds: int) -> Load:
    with tempfile.NamedTemporaryFile() as body:
        body.write(call.body)
        body.flush()
        headers = [part for header in call.headers for part in header]
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(_SCRIPT)]
        url = f"http://127.0.0.1:{port}{call.path}"
        command = [program, *options, url, "--", body.name, *headers]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ServerFailed(f"wrk failed: {done.stderr or done.stdout}")
    return Load(**json.loads(done.stdout.splitlines()[-1]))


def by_callers(port: int, call: Call, connections: int, seconds: int) -> Load:
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_ask_for, port, call, connections, seconds).result()


def _ask_for(port: int, call: Call, connections: int, seconds: int) -> Load:
    start = time.perf_counter()
    answers = at_once([partial(_ask_until, port, call, start + seconds)] * connections)
    took = time.perf_counter() - start
    failed = failures(answers)
    good = [answer for answer in answers if answer.status == 200]
    return Load((len(answers) - failed) / took, latency_ms(good, 50), latency_ms(good, 99), failed)


def _ask_until(port: int, call: Call, end: float) -> list[Answer]:
    connection, answers = Connection(port), []
    while (now := time.perf_counter()) < end:
        answers.append(connection.ask(call, now))
    connection.close()
    return answers
