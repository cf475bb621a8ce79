"""How many connections the system lets this process have.

Rule: the limit is raised where the system allows that, which it does for whoever asks; what is left over is for files.
"""

from math import inf
from types import ModuleType

FOR_FILES = 256
"""Models, logs, and the other ends of gateways' connections."""


def room_for(connections: int) -> int:
    """As many of them as there may be."""
    resource = _resource()
    soft, hard = limits()
    wanted = connections + FOR_FILES
    if resource is None or soft >= wanted:
        return connections
    allowed = int(min(wanted, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, resource.RLIM_INFINITY if hard == inf else int(hard)))
    return max(1, allowed - FOR_FILES)


def limits() -> tuple[float, float]:
    """Of open files: what holds, and how far it can be raised."""
    resource = _resource()
    if resource is None:
        return inf, inf
    soft, hard = (
        inf if each == resource.RLIM_INFINITY else each for each in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    return soft, hard


def _resource() -> ModuleType | None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    return resource
