"""Models' processes as /proc tells of them."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest

from serving.backends.conversation import ask
from serving.backends.model_process import ModelProcess
from tests import python_models, tiny_models
from tests.python_models import ISOLATED
from tests.serving.backends.test_landlock import VERSION
from tests.serving.backends.test_model_process import started

ROW = np.ones((1, 4), np.float32)
MEMORY = 6_000_000_000

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are none elsewhere")
Processes = dict[str, ModelProcess]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """One that only computes and one of Python, each with a lane in use."""
    root = tmp_path_factory.mktemp("models")
    more = {"memory_byte_size": str(MEMORY), "environment": "A_MODEL_*"}
    settings = " ".join(
        f'parameters {{ key: "isolation.{name}" value {{ string_value: "{value}" }} }}' for name, value in more.items()
    )
    tiny_models.add_double(root, extra=f"dynamic_batching {{ }} {ISOLATED} {settings}")
    hazard = python_models.add_hazard(root)
    with pytest.MonkeyPatch.context() as environment, ExitStack() as stack:
        for name in ("SLIPWAY_API_KEY", "AWS_SECRET_ACCESS_KEY", "A_MODEL_NEEDS_IT"):
            environment.setenv(name, "secret")
        found = {"double": root / "double" / "1", "hazard": hazard}
        each = {name: stack.enter_context(started(directory))[0] for name, directory in found.items()}
        for process in each.values():
            with process.lane() as lane:
                assert ask(lane, {"x": ROW}, {})["y"].tolist() == [[2, 2, 2, 2]]
        yield each


def of(process: ModelProcess) -> Path:
    return Path(f"/proc/{process.pid}")


@pytest.mark.parametrize("name", ["double", "hazard"])
def test_every_thread_has_less_rights_than_the_server(processes: Processes, name: str) -> None:
    for thread in (of(processes[name]) / "task").iterdir():
        status = dict(line.split(":\t", 1) for line in (thread / "status").read_text().splitlines() if ":\t" in line)
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == ("2" if platform.machine() in ("x86_64", "aarch64") else "0")
        assert int(status["CapEff"], 16) & 1 << 21 == 0, "CAP_SYS_ADMIN"


def test_its_limits_are_its_own(processes: Processes) -> None:
    limits = {name: (of(process) / "limits").read_text() for name, process in processes.items()}
    data = {name: _limit(text, "Max data size") for name, text in limits.items()}
    assert data["double"] == str(MEMORY)
    assert int(data["hazard"]) >= 1 << 30, "unless it is said, what the server may have"
    for text in limits.values():
        assert _limit(text, "Max core file size") == "0"
        assert int(_limit(text, "Max open files")) <= 4096


def _limit(text: str, name: str) -> str:
    """The hard one."""
    return next(line for line in text.splitlines() if line.startswith(name)).removeprefix(name).split()[1]


def test_no_secret_of_the_server_is_in_its_environment(processes: Processes) -> None:
    environments = {name: (of(process) / "environ").read_text() for name, process in processes.items()}
    assert all("PATH=" in each for each in environments.values())
    assert all(secret not in each for each in environments.values() for secret in ("SLIPWAY_", "AWS_"))
    assert [name for name, each in environments.items() if "A_MODEL_NEEDS_IT=secret" in each] == ["double"]


def test_it_holds_nothing_of_the_server_s_but_the_way_to_it(processes: Processes) -> None:
    ours = opened(os.getpid())
    for process in processes.values():
        found = opened(process.pid)
        assert found.pop(0) == "/dev/null"
        (control, lane), memory = sockets(found), [path for path in found.values() if path.startswith("/memfd:slipway")]
        assert not {control, lane} & set(sockets(ours)), "which has their other ends"
        assert len(memory) == 2, "the lane's, once as memory"
        assert set(found) - {1, 2} == {number for number, path in found.items() if path in (control, lane, *memory)}


def opened(pid: int) -> dict[int, str]:
    found = {}
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # what listed them
            found[int(each.name)] = str(each.readlink())
    return found


def sockets(found: dict[int, str]) -> list[str]:
    return [path for number, path in found.items() if path.startswith("socket:") and number > 2]


FULL = """
import ctypes, json
from serving.backends.landlock import wall_in
from serving.backends.reduced_start import give_up

ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
for _ in range(16):
    wall_in(reads_only=False)
print(json.dumps(give_up(None, only_computes=True)))
"""


@pytest.mark.skipif(VERSION < 3, reason="the kernel has no Landlock")
def test_what_the_system_does_not_do_is_told_and_the_rest_is_done() -> None:
    """Landlock has sixteen walls, one in another."""
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == ["Landlock (Argument list too long)"]
