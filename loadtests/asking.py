"""What a server says of its models before a load begins. Rule: what keeps a test from beginning is told in one line."""

import json
import ssl
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from loadtests.clients.said import said_in

_TIMEOUT = 10.0  # seconds
_LONGEST = 8000  # characters of an error, which may list a table's columns
WHO_ASKS = "give a key with --header 'Authorization: Bearer KEY'"
UNTRUSTED = "give the certificate that signed it with --ca-file FILE, or trust whoever answers with --insecure"


class CannotTest(Exception):
    """There is nothing to load, with the reason and what to do."""


class NotThere(CannotTest):
    """The server has no such route, or nothing of that name."""


def document(
    url: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    encryption: ssl.SSLContext | None = None,
) -> Any:
    """A JSON document of the server; with a body it is asked for by POST. Raises `CannotTest`."""
    if not is_address(url, ("http", "https")):
        raise CannotTest(f"'{url}' is no server's address, which is written as in http://localhost:8000")
    try:
        request = Request(url.rstrip("/") + path, data=body, headers={"Content-Type": "application/json", **headers})
        with urlopen(request, timeout=_TIMEOUT, context=encryption) as reply:
            return json.loads(reply.read())
    except HTTPError as error:
        kind = NotThere if error.code in (404, 405, 501) else CannotTest
        raise kind(_answered(url, path, error)) from None
    except URLError as error:
        raise CannotTest(unreachable(url, error.reason)) from None
    except TimeoutError:
        raise CannotTest(f"{url} took the connection and did not answer within {_TIMEOUT:g} s") from None
    except OSError as error:  # a connection that breaks while it answers
        raise CannotTest(unreachable(url, error)) from None
    except HTTPException:
        raise CannotTest(f"{url} does not speak HTTP: is it https://, or a gRPC port (grpc://...)?") from None
    except ValueError:
        raise CannotTest(f"{url}{path} answered with something else than JSON: is it a model server?") from None


def is_address(url: str, schemes: Sequence[str]) -> bool:
    try:
        address = urlsplit(url)
        return address.scheme in schemes and bool(address.hostname) and address.port != 0
    except ValueError:  # such as a port that is no number
        return False


def unreachable(url: str, why: object) -> str:
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"{url} shows a certificate that is not trusted ({why.verify_message}): {UNTRUSTED}"
    if isinstance(why, ssl.SSLError):
        return f"{url} does not speak TLS ({why.reason}): is it http:// and not https://?"
    words = (isinstance(why, OSError) and why.strerror) or why
    return f"no server answers at {url}: {words}. Is it running? `slipway serve` starts one"


def _answered(url: str, path: str, error: HTTPError) -> str:
    said = said_in(error.read(2 * _LONGEST), _LONGEST)
    if error.code in (401, 403):
        return f"{url} wants to know who asks ({error.code}): {WHO_ASKS}"
    return f"{url}{path} answered {error.code}: {said}"


def only_model(url: str, headers: Mapping[str, str], encryption: ssl.SSLContext | None = None) -> str:
    """The name of the only model that is ready. Raises `CannotTest`, which names them if there are several."""
    try:
        index = document(url, "/v2/repository/index", headers, b"{}", encryption)
        ready = {model["name"] for model in index if model.get("state") == "READY"}
    except NotThere:
        ready = _listed(url, headers, encryption)
    except (TypeError, KeyError, AttributeError):
        raise CannotTest(f"{url} does not say which models it has: give --model NAME") from None
    return one_of(url, ready)


def one_of(url: str, ready: set[str]) -> str:
    """Raises `CannotTest` unless there is one."""
    if len(ready) == 1:
        return next(iter(ready))
    if not ready:
        raise CannotTest(f"{url} has no model that is ready")
    raise CannotTest(f"which of its models? Give --model with one of {', '.join(sorted(ready))}")


def _listed(url: str, headers: Mapping[str, str], encryption: ssl.SSLContext | None) -> set[str]:
    """As a server lists its models that speaks only OpenAI's API."""
    try:
        return {card["id"] for card in document(url, "/v1/models", headers, None, encryption)["data"]}
    except (NotThere, TypeError, KeyError):
        raise CannotTest(f"{url} does not say which models it has: give --model NAME") from None
