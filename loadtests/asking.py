"""What a server says of its models before a load begins. Rule: what keeps a test from beginning is told in one line."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

_TIMEOUT = 10.0  # seconds


class CannotTest(Exception):
    """There is nothing to load, with the reason and what to do."""


def document(url: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Any:
    """A JSON document of the server; with a body it is asked for by POST. Raises `CannotTest`."""
    if not _is_address(url):
        raise CannotTest(f"'{url}' is no server's address, which is written as in http://localhost:8000")
    request = Request(url.rstrip("/") + path, data=body, headers={"Content-Type": "application/json", **headers})
    try:
        with urlopen(request, timeout=_TIMEOUT) as reply:
            return json.loads(reply.read())
    except HTTPError as error:
        raise CannotTest(_answered(url, path, error)) from None
    except URLError as error:
        raise CannotTest(
            f"no server answers at {url}: {error.reason}. Is it running? `slipway serve` starts one"
        ) from None
    except TimeoutError:
        raise CannotTest(f"{url} took the connection and did not answer within {_TIMEOUT:g} s") from None
    except ValueError:
        raise CannotTest(f"{url}{path} answered with something else than JSON: is it a model server?") from None


def _is_address(url: str) -> bool:
    address = urlsplit(url)
    return address.scheme in ("http", "https") and bool(address.hostname)


def _answered(url: str, path: str, error: HTTPError) -> str:
    said = error.read(500).decode(errors="replace")
    if error.code in (401, 403):
        return f"{url} wants to know who asks ({error.code}): give a key with --header 'Authorization: Bearer KEY'"
    return f"{url}{path} answered {error.code}: {said}"


def only_model(url: str, headers: Mapping[str, str]) -> str:
    """The name of the only model that is ready. Raises `CannotTest`, which names them if there are several."""
    index = document(url, "/v2/repository/index", headers, b"{}")
    ready = sorted({model["name"] for model in index if model.get("state") == "READY"})
    if len(ready) == 1:
        return str(ready[0])
    if not ready:
        raise CannotTest(f"{url} has no model that is ready")
    raise CannotTest(f"which of its models? Give --model with one of {', '.join(ready)}")
