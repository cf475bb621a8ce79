"""Whether the server's certificate and key can be used, and for how long.

Rule: a connection is made with them, in memory, as a caller would make one; that says all without reading their format.
"""

import ssl
from dataclasses import replace
from pathlib import Path

from serving.access.certificates import Certificates
from serving.doctor.finding import Finding, ok, problem, warning
from serving.transports.tls import CertificatesUnusable, context_of

_DAY = 86400.0  # seconds
_SOON = 14 * _DAY
_RENEW = "renew it; a server takes renewed files by itself"


class NotNow(Exception):
    """A certificate's time is over or has not come; the text says which."""


def examine(certificates: Certificates | None, now: float) -> list[Finding]:
    if certificates is None:
        return []
    try:
        end = _end(context_of(replace(certificates, ca_certs=None)), certificates.certfile)
    except CertificatesUnusable as error:
        return [problem("certificate", str(error), "--ssl-certfile and --ssl-keyfile name PEM files of one pair")]
    except NotNow as error:
        return [problem("certificate", f"{certificates.certfile}: {error}", f"if the clock is right, {_RENEW}")]
    try:
        context = context_of(certificates)
    except CertificatesUnusable as error:
        return [problem("authorities", str(error), "--ssl-ca-certs names a PEM file of certificates")]
    authorities = [(str(each.get("subject")), _seconds(each)) for each in context.get_ca_certs()]
    ends = [lasts(f"certificate {certificates.certfile}", end, now)]
    if authorities and certificates.ca_certs is not None:
        ends.append(lasts(f"authorities {certificates.ca_certs}", min(end for _, end in authorities), now))
    return ends


def lasts(what: str, end: float, now: float) -> Finding:
    """In seconds since 1970."""
    days = (end - now) / _DAY
    if end <= now:
        return problem(what, f"expired {-days:.0f} days ago", _RENEW)
    if end - now < _SOON:
        return warning(what, f"expires in {days:.0f} days", _RENEW)
    return ok(what, f"lasts {days:.0f} days more")


def _end(context: ssl.SSLContext, certfile: Path) -> float:
    """When the server's own certificate ends, as a caller who trusts it alone sees it. Raises `NotNow`."""
    to_server, to_caller = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(certfile)
    caller = trusting.wrap_bio(to_caller, to_server)
    server = context.wrap_bio(to_server, to_caller, server_side=True)
    for side in (caller, server, caller):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            raise NotNow(error.verify_message) from None
    return _seconds(caller.getpeercert() or {})


def _seconds(certificate: object) -> float:
    assert isinstance(certificate, dict)
    return float(ssl.cert_time_to_seconds(certificate["notAfter"]))
