"""Encrypted connections. A gateway's process has them too, so that nothing here knows gRPC.

Rule: each new connection gets the certificate that is in the files now; files that can't be used, as between two
writes, change nothing, and the log says so.
"""

import logging
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from serving.access.certificates import Certificates

log = logging.getLogger("slipway")

T = TypeVar("T")


class CertificatesUnusable(Exception):
    """The text says which file, and why."""


class Renewed(Generic[T]):
    """What is made of files, made anew when they have changed. May be asked in any thread."""

    def __init__(self, certificates: Certificates, make: Callable[[Certificates], T]) -> None:
        """Raises `CertificatesUnusable`."""
        self._certificates = certificates
        self._make = make
        self._seen = self._look()
        self._made = make(certificates)

    def get(self) -> T:
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            try:
                self._made = self._make(self._certificates)
            except CertificatesUnusable as error:
                log.error("the certificate stays as it was: %s", error)
            else:
                log.info("connections have the new certificate %s from now on", self._certificates.certfile)
        return self._made

    def _look(self) -> list[tuple[int, int, int]]:
        try:
            return [(at.st_mtime_ns, at.st_size, at.st_ino) for at in (p.stat() for p in self._certificates.files())]
        except OSError:
            return []


def server_context(certificates: Certificates, *protocols: str) -> ssl.SSLContext:
    """Whose connections speak one of the `protocols`, by ALPN's names. Raises `CertificatesUnusable`."""
    renewed = Renewed(certificates, partial(context_of, protocols=protocols))

    def renew(connection: Any, _: str | None, __: ssl.SSLContext) -> None:
        connection.context = renewed.get()

    context = renewed.get()
    context.sni_callback = renew  # which is called for each connection, with a name or without
    return context


def context_of(certificates: Certificates, protocols: Sequence[str] = ()) -> ssl.SSLContext:
    """Of what is in the files now. Raises `CertificatesUnusable`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificates.certfile, certificates.keyfile, _no_password)
    except (OSError, ValueError) as error:
        files = " and ".join(str(path) for path in (certificates.certfile, certificates.keyfile) if path)
        raise CertificatesUnusable(f"{files} can't be used as a certificate and its key: {_words(error)}") from None
    if certificates.ca_certs is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(certificates.ca_certs)
        except (OSError, ValueError) as error:
            text = f"{certificates.ca_certs} can't be used as certificates of authorities: {_words(error)}"
            raise CertificatesUnusable(text) from None
    return context


def _no_password() -> str:
    """Or the terminal would be asked."""
    raise ValueError("the key is encrypted; it must be stored without a password")


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"no PEM, or not of one another ({error.reason or 'unknown'})"
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
