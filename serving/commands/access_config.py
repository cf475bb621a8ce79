"""What `slipway serve` was told of who may ask: keys, headers, certificates, pages.

Rule: words are looked at when they are chosen, files when the server starts; what may be a secret is never shown.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from serving.access.certificates import Certificates
from serving.access.key_file import InvalidKeyFile, KeyFile
from serving.access.keys import Key, digest_of, is_usable
from serving.access.restricted import InvalidRestriction, Restriction, of_grpc, of_http
from serving.commands.serve_options import ServeOptions
from serving.key_watch import keys_of
from serving.settings import Access

_ORIGIN = re.compile(r"\*|https?://[^/?#\s@]+")


class InvalidAccess(Exception):
    """The text names the option, and what was expected."""


def access_of(options: ServeOptions) -> Access:
    """Without the keys of a file. Raises `InvalidAccess`."""
    if options.admin_host is not None and options.admin_port is None:
        raise InvalidAccess("--admin-host needs --admin-port, which gives changes a port of their own")
    for origin in options.allow_origin or ():
        if not _ORIGIN.fullmatch(origin):
            raise InvalidAccess(
                f"--allow-origin: expected a page's origin, https://app.example, or '*'; got '{origin}'"
            )
    return Access(
        keys=_keys(options.api_key or ()),
        http_restricted=_restricted("--http-restricted-api", of_http, options.http_restricted_api),
        grpc_restricted=_restricted("--grpc-restricted-protocol", of_grpc, options.grpc_restricted_protocol),
        allow_origin=tuple(options.allow_origin or ()),
        admin_port=options.admin_port,
        admin_host=options.admin_host,
        metrics_host=options.metrics_host or "",
        certificates=_certificates(options),
    )


def with_keys_of(file: Path, access: Access) -> Access:
    """Of a key that is given beside it too, the file says what it is for, and for how long: a shell's SLIPWAY_API_KEY,
    which clients show, is an option of the server as well. Raises `InvalidAccess`."""
    try:
        in_file = {key.digest for key in keys_of(KeyFile(file))}
        found = KeyFile(file, tuple(key for key in access.keys if key.digest not in in_file))
        return replace(access, keys=keys_of(found), key_file=found)
    except InvalidKeyFile as error:
        raise InvalidAccess(f"--api-key-file: {error}") from None


def _keys(given: Sequence[str]) -> tuple[Key, ...]:
    """The second is called api-key-2. One that is given twice is one."""
    for key in given:
        if not is_usable(key):
            raise InvalidAccess("--api-key: a key is of visible ASCII characters without spaces, as headers have them")
    names = ("api-key" if number == 1 else f"api-key-{number}" for number in range(1, len(given) + 1))
    return tuple(Key(name, digest_of(key)) for name, key in zip(names, dict.fromkeys(given), strict=False))


def _restricted(
    option: str, read: Callable[[Sequence[str]], tuple[Restriction, ...]], given: Sequence[str] | None
) -> tuple[Restriction, ...]:
    try:
        return read(given or ())
    except InvalidRestriction as error:
        raise InvalidAccess(f"{option}: {error}") from None


def _certificates(options: ServeOptions) -> Certificates | None:
    if options.ssl_certfile is not None:
        return Certificates(options.ssl_certfile, options.ssl_keyfile, options.ssl_ca_certs)
    for name, path in (("--ssl-keyfile", options.ssl_keyfile), ("--ssl-ca-certs", options.ssl_ca_certs)):
        if path is not None:
            raise InvalidAccess(f"{name} needs --ssl-certfile, the certificate that the server shows")
    return None
