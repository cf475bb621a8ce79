"""What stands between callers and the server: which door lets in whom, and what connections are encrypted with."""

import ssl
from dataclasses import dataclass

from serving.access.gate import Callers, Gate
from serving.access.scope import Category, Scope
from serving.settings import Access
from serving.transports.http.keyed_way import ClosedWay, KeyedWay
from serving.transports.http.tensor_request import Way
from serving.transports.tls import server_context

_IN_ONE_OF_MANY = "it changes the server, of which this is one of several; change what they are started with"
_AT_ADMIN_PORT = "it changes the server, which is done at another port, that of --admin-port"


@dataclass(frozen=True, slots=True)
class Doors:
    callers: Callers
    http: Gate
    grpc: Gate
    admin: Gate
    tls: ssl.SSLContext | None
    grpc_tls: ssl.SSLContext | None
    is_fast: bool
    """Whether HTTP's usual tensor requests may go past the framework, and a header of their own is not looked for."""

    def fast_path(self, way: Way) -> Way:
        if not self.is_fast:
            return ClosedWay()
        return KeyedWay(way, self.http) if self.http.has_keys else way

    def largest(self, size: int) -> int:
        """Body that a gateway takes past its proxy, in bytes: there the fast way begins."""
        return size if self.is_fast else 0


def door_of_many(access: Access) -> Gate:
    """Of a server whose connections another takes: it knows neither where callers are, nor the servers beside it."""
    closed = frozenset([Scope.ADMIN])
    return Gate(Callers(access.keys), access.http_restricted, _IN_ONE_OF_MANY, closed, origins=access.allow_origin)


def open_doors(access: Access) -> Doors:
    """Blocks. Raises `CertificatesUnusable`."""
    callers = Callers(access.keys)
    closed = frozenset() if access.admin_port is None else frozenset([Scope.ADMIN])
    origins = access.allow_origin
    certificates = access.certificates
    return Doors(
        callers,
        Gate(callers, access.http_restricted, _AT_ADMIN_PORT, closed, origins=origins),
        Gate(callers, access.grpc_restricted, f"{_AT_ADMIN_PORT}, over HTTP", closed),
        Gate(
            callers,
            access.http_restricted,
            "models are asked at the server's own HTTP port, not at --admin-port",
            frozenset([Scope.INFERENCE]),
            is_for_all=access.admin_host is not None,
            origins=origins,
        ),
        None if certificates is None else server_context(certificates),
        None if certificates is None else server_context(certificates, "h2"),
        not any(Category.INFERENCE in each.categories for each in access.http_restricted),
    )
