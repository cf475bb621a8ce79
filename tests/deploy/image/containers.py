"""A container as a careful cluster runs it: user 10001, a read-only root, no capabilities, no network.

Rule: who asks it is in its network, so that nothing else on the machine can answer or be in the way.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.check.programs import ROOT
from tests.deploy.image.programs import run, said

HARDENED = (
    *("--user=10001:10001", "--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp:mode=1777"),
    *("--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none"),
)


@dataclass(frozen=True)
class Container:
    name: str

    def state(self) -> dict[str, Any]:
        return dict(json.loads(said("podman", "inspect", "--format", "{{json .State}}", self.name)))

    def listens_to(self, number: int) -> bool:
        """Whether process 1 has a handler for it; there, a signal without one does nothing."""
        status = Path(f"/proc/{self.state()['Pid']}/status").read_text()
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (number - 1) & 1)

    def log(self) -> str:
        done = run("podman", "logs", self.name)
        return done.stdout + done.stderr

    def exec(self, *command: str) -> str:
        return said("podman", "exec", self.name, *command)

    def asking(self, *question: str) -> "subprocess.Popen[str]":
        """A client that asks `question` of client.py."""
        inside = ("nsenter", f"--target={self.state()['Pid']}", "--net")
        client = (sys.executable, "-m", "tests.deploy.image.client", *question)
        return subprocess.Popen([*inside, *client], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, *question: str) -> Any:
        with self.asking(*question) as client:
            out, err = client.communicate(timeout=90)
        assert client.returncode == 0, f"{err[-2000:]}\n{self.log()[-2000:]}"
        return json.loads(out)

    def stop(self, grace: int = 20) -> int:
        """The exit code; 137 is that of a process that did not end within `grace` seconds."""
        run("podman", "stop", f"--time={grace}", self.name)
        return int(self.state()["ExitCode"])


@contextmanager
def started(image: str, *command: str, options: tuple[str, ...] = ()) -> Iterator[Container]:
    name = said("podman", "run", "--detach", *HARDENED, *options, image, *command).splitlines()[-1]
    try:
        yield Container(name)
    finally:
        run("podman", "rm", "--force", "--time=0", name, check=False)


def ended(image: str, *command: str, options: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """Run to the end."""
    return run("podman", "run", "--rm", *HARDENED, *options, image, *command, check=False)


def mounted(folder: Path, at: str = "/models", mode: str = "ro") -> tuple[str, str]:
    return ("--volume", f"{folder}:{at}:{mode}")
