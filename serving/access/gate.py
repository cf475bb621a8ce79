"""Who a caller is, and whether it may do what it asks. Rule: it decides; others read requests and answer them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from serving.access.allowance import Allowance
from serving.access.keys import Key, Keyring
from serving.access.peers import is_near, is_near_page
from serving.access.restricted import Restriction, unmet
from serving.access.scope import USUAL, Scope
from serving.access.table import Needs
from serving.errors import Forbidden, Restricted, TooManyRequests, Unauthenticated

_HOW = "send one as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"
_FAR = (
    "it changes the server, which only callers on its own machine may do as long as it has no API keys. For others: "
    "make a key with `slipway keys new NAME --scope admin`, start the server with --api-key-file FILE, and send the "
    "key as 'Authorization: Bearer KEY'"
)
_FAR_PAGE = "a page of another machine can't change the server; name where it comes from with --allow-origin"

_OF_PROXIES = ("forwarded", "via", "x-forwarded-client-cert", "x-forwarded-for", "x-forwarded-proto", "x-real-ip")
"""Headers by which a proxy on this machine says that somebody else asks."""


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` is its key's, "" where it showed none; without an `allowance` it may ask any amount."""

    name: str = ""
    scopes: frozenset[Scope] = frozenset()
    allowance: Allowance | None = None


_NOBODY = Caller()
_ANYBODY = Caller(scopes=USUAL)


class Asked(NamedTuple):  # made for each request, in a third of a frozen dataclass's time
    """What a request says of whoever sends it: the `key` that it shows, "" for none; the IP `address` that it comes
    from, "" where that is not known; and any header's value, by its name in small letters, "" for one that it lacks."""

    key: str
    address: str
    header: Callable[[str], str]


class Callers:
    """Those that have keys; all doors share them, and what they may ask."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._callers: dict[Key, Caller] = {}
        self.replace(keys)

    def __bool__(self) -> bool:
        return bool(self._callers)

    def replace(self, keys: Iterable[Key]) -> None:
        """By others, of which those that are as they were go on with what they may ask."""
        before = self._callers
        self._callers = {key: before.get(key) or Caller(key.name, key.scopes, _allowance(key)) for key in keys}
        self._keyring = Keyring(self._callers)

    def find(self, key: str) -> Caller | None:
        found = self._keyring.find(key) if key else None
        return None if found is None else self._callers.get(found)


class Gate:
    """Of one door."""

    def __init__(
        self,
        callers: Callers = Callers(()),  # noqa: B008 # nobody changes it
        restrictions: Sequence[Restriction] = (),
        closed: str = "",
        closed_scopes: frozenset[Scope] = frozenset(),
        is_for_all: bool = False,
        origins: Sequence[str] = (),
    ) -> None:
        """`closed_scopes` are answered at another door, of which the text `closed` tells. Where it `is_for_all` callers
        without keys may change the server from anywhere. `origins` are of pages that may do what others may."""
        self._callers = callers
        self._restrictions = restrictions
        self._closed = closed
        self._closed_scopes = closed_scopes
        self._is_for_all = is_for_all
        self.origins = tuple(origins)

        self.is_open = not (self._callers or restrictions or closed_scopes)
        """Whoever does not change the server is let in without being looked at."""

    @property
    def has_keys(self) -> bool:
        return bool(self._callers)

    def find(self, key: str) -> Caller | None:
        return self._callers.find(key)

    def admit(self, needs: Needs, asked: Asked) -> Caller:
        """Raises `Restricted`, `Unauthenticated` and `Forbidden`."""
        if self._restrictions and (lacking := unmet(self._restrictions, needs.categories, asked.header)):
            raise Restricted(lacking.refusal)
        if not needs.scopes:
            return _NOBODY
        if self._callers:
            caller = self.known(asked.key)
            if not needs.scopes <= caller.scopes:
                raise Forbidden(
                    f"the API key '{caller.name}' lacks the scope '{min(needs.scopes - caller.scopes)}', which this "
                    f"needs; it has {', '.join(sorted(caller.scopes))}"
                )
        else:
            caller = _ANYBODY
        if needs.scopes & self._closed_scopes:
            raise Forbidden(self._closed)
        if not self._callers and Scope.ADMIN in needs.scopes:
            self._check_unknown(needs, asked)
        return caller

    def known(self, key: str) -> Caller:
        """Raises `Unauthenticated`."""
        if not key:
            raise Unauthenticated(f"this server answers callers with an API key; {_HOW}")
        caller = self._callers.find(key)
        if caller is None:
            raise Unauthenticated("this server does not know that API key")
        return caller

    def _check_unknown(self, needs: Needs, asked: Asked) -> None:
        """A caller who wants to change a server without keys."""
        origin = asked.header("origin")  # of the page that a browser asks for
        if origin and origin not in self.origins and not is_near_page(origin):
            raise Forbidden(_FAR_PAGE)
        has_shown_secret = any(each.categories & needs.categories for each in self._restrictions)  # or it was not met
        comes_from_here = is_near(asked.address) and not any(map(asked.header, _OF_PROXIES))
        if not (has_shown_secret or self._is_for_all or comes_from_here):
            raise Forbidden(_FAR)


def too_many(name: str, wait: float) -> TooManyRequests:
    """What the caller is told whose key has this name; `wait` in seconds."""
    return TooManyRequests(f"the API key '{name}' asks more than it may; try again later", max(1, ceil(wait)))


def _allowance(key: Key) -> Allowance | None:
    has_limits = key.rate is not None or key.concurrency is not None
    return Allowance(key.rate, key.concurrency) if has_limits else None
