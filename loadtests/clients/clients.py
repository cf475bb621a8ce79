"""Which client speaks a protocol."""

from collections.abc import Sequence

from loadtests.call import Header
from loadtests.clients.client import Client
from loadtests.clients.http import HttpClient
from loadtests.clients.trust import THE_KNOWN, Trust


def client(protocol: str, url: str, headers: Sequence[Header], timeout: float, trust: Trust = THE_KNOWN) -> Client:
    """Inside a running event loop. Raises OSError for certificates that can't be read."""
    if protocol == "grpc":
        from loadtests.clients.grpc import GrpcClient  # takes longer to import than an HTTP load needs to begin

        return GrpcClient(url, headers, timeout, trust)
    return HttpClient(url, headers, timeout, trust)
