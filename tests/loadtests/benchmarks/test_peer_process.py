import sys
from pathlib import Path

import pytest

from loadtests.benchmarks.peer_process import Command, free_port, started_by
from loadtests.benchmarks.server_process import ServerFailed
from tests.running_server import until

# It writes a word, starts two processes, one of which leaves its group, and sleeps as they do.
PARENT = """
import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
children = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
print("both are there", flush=True)
time.sleep(60)
"""


def command(folder: Path, code: str = PARENT, **environment: str) -> Command:
    return Command([sys.executable, "-c", code], folder, environment)


def test_no_process_outlives_the_block(tmp_path: Path) -> None:
    with started_by(command(tmp_path), free_port()) as server:
        while len(below := server.process.children(recursive=True)) < 2:
            pass
    assert not any(each.is_running() for each in [server.process, *below])


def test_what_its_processes_use_is_counted(tmp_path: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    with started_by(command(tmp_path, code), free_port()) as server:
        until(lambda: server.cpu_seconds() > 0.5)
        own = server.process.cpu_times()
    assert own.user + own.system < 0.4


def test_what_it_said_is_added_to_a_failure(tmp_path: Path) -> None:
    code = "import os; print(os.getcwd(), os.environ['WORD'])"
    with pytest.raises(ServerFailed, match=f"too bad\n{tmp_path} given"):
        fail_once_it_ended(command(tmp_path, code, WORD="given"))


def fail_once_it_ended(ends: Command) -> None:
    with started_by(ends, free_port()) as server:
        server.process.wait()
        raise ServerFailed("too bad")


def test_ports_are_free() -> None:
    assert 0 < free_port() < 65536
