"""A real HAProxy before the replicas: doors that know of them in different ways, and who stands behind each.

Rule: what a door does not say of retries, it does not do.
"""

import csv
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loadtests.rolling.replicas import Slot, free_ports

PROGRAM = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")

_CHECK = "inter 100ms fall 1 rise 1"
_STARTS_WITHIN = 10.0  # seconds
_HEAD = """global
    stats socket {socket} level admin
defaults
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 5s
    balance roundrobin
"""


NEVER = ("retries 0",)
ELSEWHERE = ("retries 3", "option redispatch 1")
"""Where no connection can be made, another replica is asked."""
AGAIN = (*ELSEWHERE, "retry-on all-retryable-errors", "option http-buffer-request")
"""Also what a replica took and did not begin to answer. Only a request that was all there can be sent again."""


class BalancerFailed(Exception):
    """The text has its last words."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients come in. To HTTP's port, or with `grpc` to gRPC's.

    One that `checks` reads requests, and asks the replicas themselves whether they are ready. Another passes on bytes,
    as a Service of Kubernetes does, to those it was told of.
    """

    name: str
    grpc: bool = False
    checks: bool = True
    retries: tuple[str, ...] = NEVER

    def text(self, port: int, slots: Sequence[Slot]) -> str:
        has_h2 = self.grpc and self.checks
        lines = [
            f"listen {self.name}",
            f"bind 127.0.0.1:{port}{' proto h2' if has_h2 else ''}",
            f"mode {'http' if self.checks else 'tcp'}",
            *self.retries,
            *(["option httpchk GET /v2/health/ready"] if self.checks else []),
            *(self._server(slot, has_h2) for slot in slots),
        ]
        return "\n    ".join(lines) + "\n"

    def _server(self, slot: Slot, has_h2: bool) -> str:
        place = f"server {slot.name} 127.0.0.1:{slot.grpc if self.grpc else slot.http}"
        if not self.checks:
            return f"{place} disabled"
        protocol = f" proto h2 port {slot.http} check-proto h1" if has_h2 else ""
        return f"{place}{protocol} check {_CHECK}"


class Balancer:
    def __init__(self, ports: dict[str, int], control: Path, doors: Sequence[Door]) -> None:
        self.ports = ports
        """Of each door."""
        self._control = control
        self._told = [door.name for door in doors if not door.checks]

    def add(self, slot: Slot) -> None:
        """To the doors that are told of replicas."""
        self._set(slot, "ready")

    def remove(self, slot: Slot) -> None:
        """For what connects from now on; connections stay as they are."""
        self._set(slot, "maint")

    def sees(self, slot: Slot) -> bool:
        """Every door sends requests to it."""
        return all(row["status"].startswith(("UP", "no check")) for row in self._rows(slot))

    def under_way(self, slot: Slot) -> int:
        """Requests at doors that read them, and connections."""
        return sum(int(row["scur"]) for row in self._rows(slot))

    def asked(self, slot: Slot) -> int:
        """How often, since it is there."""
        return sum(int(row["stot"]) for row in self._rows(slot))

    def _rows(self, slot: Slot) -> list[dict[str, str]]:
        """What is counted of it, for each door."""
        table = csv.DictReader(self._ask("show stat").splitlines())
        return [row for row in table if row["svname"] == slot.name]

    def _set(self, slot: Slot, state: str) -> None:
        for door in self._told:
            said = self._ask(f"set server {door}/{slot.name} state {state}").strip()
            if said:
                raise BalancerFailed(said)

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self._control))
            control.sendall(f"{command}\n".encode())
            control.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: control.recv(65536), b"")).decode()


@contextmanager
def balancing(doors: Sequence[Door], slots: Sequence[Slot], folder: Path) -> Iterator[Balancer]:
    ports = dict(zip((door.name for door in doors), free_ports(len(doors)), strict=True))
    control, config, log = folder / "haproxy.sock", folder / "haproxy.cfg", folder / "haproxy.log"
    texts = (door.text(ports[door.name], slots) for door in doors)
    config.write_text("".join((_HEAD.format(socket=control), *texts)))
    with log.open("w") as said, subprocess.Popen([PROGRAM or "haproxy", "-db", "-f", config], stderr=said) as process:
        try:
            _wait_for(control, process, log)
            yield Balancer(ports, control, doors)
        finally:
            process.kill()


def _wait_for(control: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _STARTS_WITHIN
    while not control.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise BalancerFailed(log.read_text())
        time.sleep(0.01)
