"""How many connections the system lets this process have.

Rule: the limit is raised where the system allows that, which it does for whoever asks; what is left over is for files.
"""

from types import ModuleType

_FOR_FILES = 256  # models, logs, and the other ends of gateways' connections


def room_for(connections: int) -> int:
    """As many of them as there may be."""
    resource = _resource()
    if resource is None:
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _FOR_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, allowed - _FOR_FILES)


def _resource() -> ModuleType | None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    return resource
