"""Models on a plain web server that lists its folders as pages: nginx's autoindex, Apache, `python -m http.server`.

Rule: only links to the folder's own children are followed, and no deeper than a model's folder can be.
"""

import html
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from serving.core.remote_address import RemoteAddress
from serving.engine.object_store import require
from serving.engine.remote_store import RemoteFile, fetch, identity, in_words, size
from serving.errors import ModelLoadFailed

_DEEPEST = 16  # folders in one another; a page that lists itself would never end
_MOST_FILES = 10_000  # in one model
_AT_ONCE = 8  # questions about files
_CONNECT, _SILENCE = 10.0, 60.0  # seconds until a server that says nothing is given up


def open_web(address: RemoteAddress) -> "WebStore":
    """Raises `ModelLoadFailed` where the driver is not installed."""
    require(address.driver, address)
    import aiohttp
    import fsspec

    client: dict[str, Any] = {
        "timeout": aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENCE),
        "trust_env": True,  # proxies
    }
    if address.login is not None:
        client["headers"] = {"Authorization": f"Basic {b64encode(':'.join(address.login).encode()).decode()}"}
    file_system = fsspec.filesystem(
        address.protocol, simple_links=False, encoded=True, skip_instance_cache=True, client_kwargs=client
    )
    return WebStore(address, file_system)


class WebStore:
    """`file_system` is fsspec's for HTTP, and takes URLs as they are quoted."""

    def __init__(self, address: RemoteAddress, file_system: Any) -> None:
        self._address = address
        self._file_system = file_system

    def __repr__(self) -> str:
        return f"<WebStore {self.url}>"

    @property
    def url(self) -> str:
        return self._address.url

    def folders(self) -> list[str]:
        with in_words(self._address, "the model repository"):
            return [name.removesuffix("/") for name, _ in self._children(f"{self._address.root}/") if name[-1] == "/"]

    def files(self, folder: str) -> list[RemoteFile]:
        top = f"{self._address.root}/{quote(folder)}/"
        with in_words(self._address, f"model '{folder}'"), ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                found = list(self._walk(top, "", 1))
            except FileNotFoundError as error:
                if str(error).rstrip("/") == top.rstrip("/"):
                    return []
                raise
            return sorted(pool.map(self._file, found), key=lambda file: file.path)

    def fetch(self, file: RemoteFile, target: Path) -> None:
        fetch(self._file_system, self._address, file, target)

    def _file(self, found: tuple[str, str]) -> RemoteFile:
        path, url = found
        if path.endswith("/"):
            return RemoteFile(path, 0, "", url)
        told = self._file_system.info(url)
        return RemoteFile(path, size(told), identity(told), url)

    def _walk(self, url: str, above: str, depth: int) -> Iterator[tuple[str, str]]:
        """Path and URL of every file, and of every empty folder."""
        if depth > _DEEPEST:
            raise ModelLoadFailed(f"{url} has more than {_DEEPEST} folders in one another")
        count = 0
        for name, child in self._children(url):
            below = self._walk(child, above + name, depth + 1) if name.endswith("/") else iter([(above + name, child)])
            for found in below:
                count += 1
                if count > _MOST_FILES:
                    raise ModelLoadFailed(f"{url} has more than {_MOST_FILES} files")
                yield found
        if not count and above:
            yield above, url

    def _children(self, url: str) -> list[tuple[str, str]]:
        """Name and URL of what the page links to right below itself; the name of a folder ends with a slash."""
        found = {}
        for link in self._file_system.ls(url, detail=False):
            rest = html.unescape(link).removeprefix(url)
            while rest.startswith("./"):
                rest = rest[2:]
            name = unquote(rest)
            is_child = rest and not rest.startswith(("/", "http:", "https:")) and "/" not in rest.removesuffix("/")
            if is_child and not set("?#") & set(rest):
                found[name] = url + rest
        return sorted(found.items())
