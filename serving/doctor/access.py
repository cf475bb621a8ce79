"""Who could ask such a server, and who could change it.

Rule: what is open by choice is told with what closes it; nothing that may be a secret is shown.
"""

from serving.access.peers import is_near
from serving.doctor.finding import Finding, ok, warning
from serving.settings import Settings


def examine(settings: Settings) -> list[Finding]:
    return [_asking(settings), *_changing(settings)]


def _asking(settings: Settings) -> Finding:
    access, host = settings.access, settings.host
    has_callers_certificates = access.certificates is not None and access.certificates.ca_certs is not None
    if _is_near(host):
        return ok("callers", f"only those on this machine reach {host}")
    if not access.keys and not has_callers_certificates:
        says = f"whoever reaches {host} may ask every model, without a key"
        return warning("callers", says, "slipway keys new NAME --file keys.toml, then --api-key-file keys.toml")
    if access.keys and access.certificates is None:
        fix = "--ssl-certfile FILE --ssl-keyfile FILE, unless what is before the server encrypts"
        return warning("callers", f"need a key, which goes to {host} unencrypted", fix)
    return ok("callers", f"need {'a key' if access.keys else 'a certificate of their own'}; the way is encrypted")


def _changing(settings: Settings) -> list[Finding]:
    access = settings.access
    if access.keys or access.admin_port is None or access.admin_host is None or _is_near(access.admin_host):
        return []
    says = f"whoever reaches {access.admin_host}:{access.admin_port} may load and unload models, without a key"
    return [warning("changes", says, "leave out --admin-host, or add keys with the scope admin")]


def _is_near(host: str) -> bool:
    return host == "localhost" or is_near(host)
