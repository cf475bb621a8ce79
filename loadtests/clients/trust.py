"""Whom a client takes for the server that it asked, where the connection is encrypted.

Rule: certificates are checked unless somebody said that they need not be.
"""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult

if TYPE_CHECKING:
    import grpc

_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Trust:
    """`ca_file` has certificates to trust instead of the system's; with `anyone` none is checked."""

    anyone: bool = False
    ca_file: str = ""


THE_KNOWN = Trust()
"""Those whose certificates the system trusts."""


def ssl_context(trust: Trust) -> ssl.SSLContext:
    """Raises OSError for a file that has no certificate."""
    context = ssl.create_default_context(cafile=trust.ca_file or None)
    if trust.anyone:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def channel_credentials(trust: Trust, address: SplitResult) -> "tuple[grpc.ChannelCredentials, list[tuple[str, str]]]":
    """With the options that a channel needs beside them. Raises OSError.

    gRPC always checks, so that who trusts anyone is given the server's own certificate to check it by.
    """
    import grpc

    if trust.anyone:
        own, name = _certificate(address)
        return grpc.ssl_channel_credentials(own.encode()), [("grpc.ssl_target_name_override", name)]
    roots = Path(trust.ca_file).read_bytes() if trust.ca_file else None
    return grpc.ssl_channel_credentials(roots), []


def _certificate(address: SplitResult) -> tuple[str, str]:
    """The server's, and a name that it is for."""
    place = (address.hostname or "localhost", address.port or 443)
    pem = ssl.get_server_certificate(place, timeout=_TIMEOUT)
    context = ssl.create_default_context(cadata=pem)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it need not be an authority's
    with socket.create_connection(place, _TIMEOUT) as plain, context.wrap_socket(plain) as encrypted:
        told: dict[str, Any] = dict(encrypted.getpeercert() or {})
    names = [value for kind, value in told.get("subjectAltName", ()) if kind == "DNS"]
    common = [value for part in told.get("subject", ()) for kind, value in part if kind == "commonName"]
    return pem, str([*names, *common, place[0]][0]).replace("*", "any")
