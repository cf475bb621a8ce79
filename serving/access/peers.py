"""Where a caller is. Rule: what is not certain is elsewhere."""

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

PEER = "x-slipway-peer"
"""The header in which a gateway's process tells the server's where a request came from."""


def is_near(address: str) -> bool:
    """Whether it is this machine's loopback, as an IP address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def grpc_peer(name: Sequence[Any] | None) -> str:
    """As gRPC calls a socket's other side; None for one that is gone."""
    if not name:
        return "unix:"
    address, port = name[:2]
    return f"ipv6:{quote(f'[{address}]', ':')}:{port}" if ":" in address else f"ipv4:{address}:{port}"


def grpc_address(peer: str) -> str:
    """Of a caller that gRPC calls `ipv4:127.0.0.1:5000` or `ipv6:%5B::1%5D:5000`; "" where it has none."""
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else ""


def is_near_page(origin: str) -> bool:
    """Whether a browser's page with this `Origin` comes from this machine, by its name: a page from elsewhere may have
    the browser ask the machine that it runs on, also under a name of its own."""
    try:
        host = urlsplit(origin).hostname or ""
    except ValueError:
        return False
    return host == "localhost" or is_near(host)
