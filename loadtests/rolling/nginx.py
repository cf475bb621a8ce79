"""A real nginx before the replicas, which is told of each change by a new configuration, as ingresses do it.

Rule: it asks nobody twice.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtests.rolling.replicas import Slot, free_ports, is_well

PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

_STARTS_WITHIN = 10.0  # seconds
_CONFIG = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1000; }}
http {{
    access_log off; client_body_temp_path {folder}/nginx-body; proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi; uwsgi_temp_path {folder}/nginx-uwsgi; scgi_temp_path {folder}/nginx-scgi;
    upstream http {{ {http} keepalive 32; }}
    upstream grpc {{ {grpc} keepalive 32; }}
    server {{
        listen 127.0.0.1:{http_port};
        location = /here {{ return 200; }}
        location / {{
            proxy_pass http://http; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_buffering off; proxy_next_upstream off;
        }}
    }}
    server {{
        listen 127.0.0.1:{grpc_port} http2;
        location / {{ grpc_pass grpc://grpc; grpc_next_upstream off; }}
    }}
}}
"""


class Nginx:
    """`http` and `grpc` are its addresses."""

    def __init__(self, folder: Path) -> None:
        self._ports = free_ports(2)
        self.http, self.grpc = (f"127.0.0.1:{port}" for port in self._ports)
        self._folder = folder
        self._slots: tuple[Slot, ...] = ()

    @property
    def command(self) -> list[str]:
        return [PROGRAM or "nginx", "-c", str(self._folder / "nginx.conf")]

    def add(self, slot: Slot) -> None:
        self._tell((*self._slots, slot))

    def remove(self, slot: Slot) -> None:
        self._tell(tuple(each for each in self._slots if each != slot))

    def start(self, slots: tuple[Slot, ...]) -> subprocess.Popen[bytes]:
        self._write(slots)
        process = subprocess.Popen(self.command)
        end = time.monotonic() + _STARTS_WITHIN
        while not is_well(f"http://{self.http}/here") and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        return process

    def _tell(self, slots: tuple[Slot, ...]) -> None:
        self._write(slots)
        subprocess.run([*self.command, "-s", "reload"], check=True, capture_output=True)

    def _write(self, slots: tuple[Slot, ...]) -> None:
        self._slots = slots
        http, grpc = ("".join(f"server 127.0.0.1:{port} max_fails=0; " for port in ports) for ports in _ports(slots))
        http_port, grpc_port = self._ports
        text = _CONFIG.format(folder=self._folder, http=http, grpc=grpc, http_port=http_port, grpc_port=grpc_port)
        (self._folder / "nginx.conf").write_text(text)


@contextmanager
def nginx(slots: tuple[Slot, ...], folder: Path) -> Iterator[Nginx]:
    """It knows of `slots` at first."""
    found = Nginx(folder)
    process = found.start(slots)
    try:
        yield found
    finally:
        process.terminate()
        process.wait()


def _ports(slots: tuple[Slot, ...]) -> tuple[list[int], list[int]]:
    return [slot.http for slot in slots], [slot.grpc for slot in slots]
