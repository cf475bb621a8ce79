"""Which client speaks a protocol."""

from collections.abc import Sequence

from loadtests.call import Header
from loadtests.clients.client import Client
from loadtests.clients.http import HttpClient


def client(protocol: str, url: str, headers: Sequence[Header], timeout: float) -> Client:
    """Inside a running event loop."""
    if protocol != "v2":
        raise ValueError(f"there is no client for the protocol {protocol}")
    return HttpClient(url, headers, timeout)
