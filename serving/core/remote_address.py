"""Addresses of model repositories that lie elsewhere: s3://, gs://, az://, http:// and what they are called otherwise.

Rule: what a person sees of an address, `url`, never holds a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
# Triton's way to name another server than Amazon's: s3://host:port/bucket and s3://https://host:port/bucket.
_S3_SERVER = re.compile(r"(?:(https?)://)?([^/]+:\d+)/(.*)")
_AZURE_HOST = re.compile(r"([^/@]+)@([^/.]+)[^/]*(.*)")  # CONTAINER@ACCOUNT.dfs.core.windows.net/PATH
_WRITTEN_AS_THEY_ARE = "/%:@!$&'()*+,;=~"  # in the path of a URL, which may be quoted already


@dataclass(frozen=True, slots=True)
class Driver:
    """What reads such addresses: a package, the extra that installs it, and how it is given credentials."""

    package: str
    extra: str
    credentials: str


_AMAZON = Driver(
    "s3fs",
    "s3",
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket set FSSPEC_S3_ANON=true",
)
_GOOGLE = Driver(
    "gcsfs",
    "gcs",
    "set GOOGLE_APPLICATION_CREDENTIALS to the path of a service account's key; for a public bucket set "
    "FSSPEC_GS_TOKEN=anon",
)
_AZURE = Driver(
    "adlfs",
    "azure",
    "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING; for a public "
    "container set AZURE_STORAGE_ANON=true beside the account's name",
)
_WEB = Driver("aiohttp", "http", "put a name and a password into the address: https://NAME:PASSWORD@host/path")

_DRIVERS = {
    "s3": _AMAZON,
    "s3a": _AMAZON,
    "gs": _GOOGLE,
    "gcs": _GOOGLE,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "as": _AZURE,
    "http": _WEB,
    "https": _WEB,
}
_ONE_NAME = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az", "as": "az"}


@dataclass(frozen=True, slots=True)
class RemoteAddress:
    """`protocol` and `options` are fsspec's; `root` is the folder of the models, without a slash at its end.

    For objects it is `bucket/prefix`, for the web the whole URL. `login` is a name and a password for the web.
    """

    url: str
    protocol: str
    root: str
    driver: Driver
    options: Mapping[str, str] = field(default_factory=dict)
    login: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def bucket(self) -> str:
        """The first part of the root; of the web all of it."""
        return self.root if self.protocol in ("http", "https") else self.root.partition("/")[0]


def is_remote(text: str) -> bool:
    """Whether it is an address of any scheme rather than a folder's path; `file://` is a path too."""
    found = _SCHEME.match(text)
    return found is not None and found[1].lower() != "file"


def parse(text: str) -> RemoteAddress:
    """Raises `ValueError` with words for the person who wrote it."""
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    if found is None or scheme not in _DRIVERS:
        known = ", ".join(f"{name}://" for name in _DRIVERS)
        raise ValueError(f"a model repository is a folder or an address of {known}; got '{scheme}://'")
    rest = text[found.end() :].rstrip("/")
    if scheme in ("http", "https"):
        return _web(scheme, rest)
    driver = _DRIVERS[scheme]
    host = rest.removeprefix("http://").removeprefix("https://").partition("/")[0]
    if "?" in rest or ("@" in host and driver is not _AZURE):  # they would be shown wherever the address is
        raise ValueError(f"no signature or password can be in a {scheme}:// address; {driver.credentials}")
    options: dict[str, str] = {}
    if scheme == "as":  # Triton's as://ACCOUNT/CONTAINER/PATH
        options["account_name"], _, rest = rest.partition("/")
    elif scheme.startswith("s3") and (server := _S3_SERVER.fullmatch(rest)):
        options["endpoint_url"], rest = f"{server[1] or 'http'}://{server[2]}", server[3]
    elif driver is _AZURE and (account := _AZURE_HOST.fullmatch(rest)):
        options["account_name"], rest = account[2], f"{account[1]}{account[3]}"
    if not rest or rest.startswith("/") or "//" in rest or {".", ".."} & set(rest.split("/")):
        raise ValueError(f"a bucket's name and the path in it must follow {scheme}://, as in {scheme}://bucket/models")
    return RemoteAddress(text.rstrip("/"), _ONE_NAME.get(scheme, scheme), rest, driver, options)


def _web(scheme: str, rest: str) -> RemoteAddress:
    parts = urlsplit(f"{scheme}://{rest}")
    if not parts.hostname:
        raise ValueError(f"a host must follow {scheme}://, as in {scheme}://host/models")
    if parts.query or parts.fragment:
        raise ValueError("the address of a model repository takes no '?' and no '#': paths are added to its end")
    host = parts.netloc.rpartition("@")[2]
    url = f"{scheme}://{host}{quote(parts.path, safe=_WRITTEN_AS_THEY_ARE)}"
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username is not None else None
    return RemoteAddress(url, scheme, url, _DRIVERS[scheme], login=login)
