"""The sockets that a server listens on. Rule: a port that can't be had is told with what chooses another, as an option
and as the variable that also `make serve` takes."""

import errno
import os
import socket

from serving.settings import Access

_HOSTS = {"--metrics-port": "--host or --metrics-host", "--admin-port": "--host or --admin-host"}


class PortTaken(Exception):
    """The text says which, and what to do."""


def listen_http(host: str, port: int, workers: int) -> list[socket.socket]:
    """A socket for each process that takes connections. The first look is at whether the port is somebody else's, which
    sockets that share it do not tell."""
    listening = listen(host, port, "--http-port")
    if workers == 1:
        return [listening]
    with listening:
        port = port_of(listening)
    return [listen(host, port, "--http-port", is_shared=True) for _ in range(workers)]


def listen(host: str, port: int, option: str, is_shared: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048, reuse_port=is_shared)
    except OSError as error:
        raise _cannot_listen(host, port, option, error) from None
    # Connections inherit it. asyncio sets it only for sockets that it made itself, and without it a reply that is
    # written in two parts waits 40 ms for the client's acknowledgement of the first.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def listen_admin(access: Access, host: str) -> list[socket.socket]:
    """None where there is no port for that; `host` is the server's. Without keys it is this machine's own, unless
    somebody said otherwise."""
    if access.admin_port is None:
        return []
    return [listen(access.admin_host or (host if access.keys else "127.0.0.1"), access.admin_port, "--admin-port")]


def _cannot_listen(host: str, port: int, option: str, error: OSError) -> PortTaken:
    of_a_name = (error.errno or 0) < 0  # whose look-up's error's class `create_server` loses
    if of_a_name or error.errno == errno.EADDRNOTAVAIL:
        which = _HOSTS.get(option, "--host")
        return PortTaken(f"'{host}' is no address of this machine; choose another with {which}")
    reason = os.strerror(error.errno) if error.errno else str(error)
    variable = f"SLIPWAY_{option.removeprefix('--').replace('-', '_').upper()}"
    return PortTaken(f"can't listen on {host}:{port} ({reason}); choose another with {option} N or {variable}=N")


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port
