"""Whether the server could listen where it is told to.

Rule: each port is taken for a moment, as the server would take it; who has one instead is told, where the system says.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

import psutil

from serving.doctor.finding import Finding, ok, problem
from serving.listening import PortTaken, listen
from serving.settings import Settings

_EVERY = frozenset(["0.0.0.0", "::"])  # addresses that are all of them


@dataclass(frozen=True, slots=True)
class Place:
    """`option` chooses the port."""

    option: str
    host: str
    port: int

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def examine(settings: Settings) -> list[Finding]:
    places = list(_places(settings))
    twice = same_twice(places)
    return [twice.get(place.option) or _tried(place) for place in places]


def same_twice(places: Iterable[Place]) -> dict[str, Finding]:
    """By the option of the later one."""
    found: dict[str, Finding] = {}
    for one, other in combinations(places, 2):
        if (
            one.port
            and one.port == other.port
            and (_address(one) == _address(other) or _EVERY.intersection((one.host, other.host)))
        ):
            says = f"{other.address} is {one.option}'s too"
            found[other.option] = problem(other.option, says, f"{other.option} 0 chooses a free one")
    return found


def _address(place: Place) -> str:
    return "127.0.0.1" if place.host == "localhost" else place.host


def _places(settings: Settings) -> Iterator[Place]:
    host, access = settings.host, settings.access
    yield Place("--http-port", host, settings.http_port)
    yield Place("--grpc-port", host, settings.grpc_port)
    yield Place("--metrics-port", access.metrics_host or host, settings.metrics_port)
    if access.admin_port is not None:
        yield Place("--admin-port", access.admin_host or (host if access.keys else "127.0.0.1"), access.admin_port)


def _tried(place: Place) -> Finding:
    try:
        listen(place.host, place.port, place.option).close()
    except PortTaken as error:
        says, _, fix = str(error).rpartition("; ")
        return problem(place.option, f"{says}{_who(place.port)}", fix)
    return ok(place.option, f"{place.address} is free" if place.port else f"{place.host}, at a port that is free then")


def _who(port: int) -> str:
    with suppress(psutil.Error, OSError):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr.port == port and each.pid:
                return f": process {each.pid}, {' '.join(psutil.Process(each.pid).cmdline())[:80]}"
    return ""
