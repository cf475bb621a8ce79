"""API keys: what is known of each, and finding the one that a caller shows.

Rule: a key itself is nowhere kept, only its SHA-256. What is compared are digests, in constant time; keys that are made
here have 256 random bits, so that nothing is guessed from how long anything takes, or from a digest.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from serving.access.scope import USUAL, Scope

_BEARER = "bearer "
_VISIBLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Key:
    """`rate` in requests per second and `concurrency` in requests at a time, None for any number."""

    name: str
    digest: bytes
    scopes: frozenset[Scope] = USUAL
    rate: float | None = None
    concurrency: int | None = None


def digest_of(key: str) -> bytes:
    return hashlib.sha256(key.encode("latin-1", "replace")).digest()


def is_usable(key: str) -> bool:
    """Whether a header can say it."""
    return _VISIBLE.fullmatch(key) is not None


class Keyring:
    def __init__(self, keys: Iterable[Key]) -> None:
        self._by_digest = {key.digest: key for key in keys}

    def __bool__(self) -> bool:
        return bool(self._by_digest)

    def find(self, key: str) -> Key | None:
        digest = digest_of(key)
        found = self._by_digest.get(digest)
        return found if found is not None and hmac.compare_digest(found.digest, digest) else None


def shown_in(headers: Iterable[tuple[str, str]]) -> str:
    """The key in `authorization: Bearer KEY` or `x-api-key: KEY`, "" for none and where they show several."""
    found = ""
    for name, value in headers:
        key = _shown(name, value)
        if key and found and key != found:
            return ""
        found = key or found
    return found


def _shown(name: str, value: str) -> str:
    if name == "x-api-key":
        return value.strip()
    if name == "authorization" and value[: len(_BEARER)].lower() == _BEARER:
        return value[len(_BEARER) :].strip()
    return ""
