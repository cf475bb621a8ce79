"""Servers as a cluster runs them: processes that come and go at a few addresses.

Rule: whoever is replaced is told so by SIGTERM, after the one that replaces it is ready.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx

ROOT = Path(__file__).parents[2]

_PORTS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections, which might have one while nobody listens on it."""
_STARTS_WITHIN, _STOPS_WITHIN = 60.0, 60.0  # seconds
_LOOK = 0.02  # seconds


class ReplicaFailed(Exception):
    """The text has its last words."""


@dataclass(frozen=True, slots=True)
class Slot:
    """An address that a replica may have."""

    name: str
    http: int
    grpc: int


class Replica:
    """A process that was started; `wait_until_ready` before it is counted on."""

    def __init__(self, slot: Slot, repository: Path, options: tuple[str, ...], files: Path) -> None:
        """`files` is the begin of the paths of what it writes."""
        self.slot = slot
        self._recording, self._log = Path(f"{files}.jsonl"), Path(f"{files}.log")
        ports = ("--http-port", str(slot.http), "--grpc-port", str(slot.grpc), "--metrics-port", "0")
        recording = ("--record-file", str(self._recording), "--record-rate", "1")
        command = [sys.executable, "-m", "serving", "serve", str(repository), *ports, *recording, *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SLIPWAY_AUTO_TUNE_SECS": "0"}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def wait_until_ready(self) -> None:
        end = time.monotonic() + _STARTS_WITHIN
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                raise ReplicaFailed(f"the replica did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(_LOOK)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        """Its exit code, once it is over."""
        try:
            return self._process.wait(_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise ReplicaFailed(f"the replica did not stop:\n{self._log.read_text()[-2000:]}") from None

    def answered(self) -> Counter[str]:
        """How often it answered the request of each id; of an OpenAI request its `user`."""
        lines = self._recording.read_text().splitlines()[1:] if self._recording.exists() else []
        answers = (json.loads(line) for line in lines if line.endswith("}"))
        return Counter(_id(answer) for answer in answers if answer["status"] in (200, "OK"))

    def kill(self) -> None:
        """At once, if it still runs."""
        self._process.kill()
        self._process.wait()

    def _is_ready(self) -> bool:
        return is_well(f"http://127.0.0.1:{self.slot.http}/v2/health/ready")


class Replicas:
    """`live` are those that serve, the oldest first."""

    def __init__(self, slots: tuple[Slot, ...], repository: Path, options: tuple[str, ...], folder: Path) -> None:
        self.live: list[Replica] = []
        self.ended: list[Replica] = []
        self._slots = slots
        self._repository = repository
        self._options = options
        self._folder = folder

    def start(self, count: int) -> None:
        """All at once."""
        started = [self._started() for _ in range(count)]
        for replica in started:
            replica.wait_until_ready()

    def retire(self, replica: Replica) -> None:
        """It is over."""
        self.live.remove(replica)
        self.ended.append(replica)

    def answered(self) -> Counter[str]:
        return sum((replica.answered() for replica in (*self.live, *self.ended)), Counter())

    def close(self) -> None:
        for replica in self.live:
            replica.kill()

    def _started(self) -> Replica:
        taken = {replica.slot for replica in self.live}
        slot = next(slot for slot in self._slots if slot not in taken)
        files = self._folder / f"replica-{len(self.live) + len(self.ended)}"
        replica = Replica(slot, self._repository, self._options, files)
        self.live.append(replica)
        return replica


@contextmanager
def replicas(
    slots: tuple[Slot, ...], repository: Path, options: tuple[str, ...], folder: Path, count: int = 2
) -> Iterator[Replicas]:
    found = Replicas(slots, repository, options, folder)
    try:
        found.start(count)
        yield found
    finally:
        found.close()


def is_well(url: str) -> bool:
    """Whether what is there answers so."""
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def free_slots(names: str) -> tuple[Slot, ...]:
    ports = free_ports(2 * len(names))
    return tuple(Slot(name, ports[2 * at], ports[2 * at + 1]) for at, name in enumerate(names))


def free_ports(count: int) -> list[int]:
    """That nobody listens on now."""
    return [port for port in Random(os.urandom(8)).sample(_PORTS, 4 * count) if _is_free(port)][:count]


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0


def _id(answer: Mapping[str, object]) -> str:
    if answer.get("id"):
        return str(answer["id"])
    return str(json.loads(str(answer.get("body") or "{}")).get("user", ""))
