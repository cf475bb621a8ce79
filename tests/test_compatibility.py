"""What docs/compatibility.md promises: no stable name goes, and every new one is promised from then on."""

import pytest

from tests.running_server import RunningServer
from tests.stable_names import Names, current, promised, scraped

KINDS = ("commands", "options", "routes", "rpcs", "exit_codes", "metrics", "config_fields")


@pytest.fixture(scope="module")
def now() -> Names:
    return current()


@pytest.mark.parametrize("kind", KINDS)
def test_no_stable_name_is_gone(kind: str, now: Names) -> None:
    gone = set(promised()[kind]) - set(now[kind])
    assert gone == set(), (
        f"{kind} that are promised in tests/stable_names.toml: bring them back, or keep them beside the new ones as "
        "docs/compatibility.md says (Deprecation); only a new major version takes them from the list"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_new_is_promised(kind: str, now: Names) -> None:
    new = set(now[kind]) - set(promised()[kind])
    assert new == set(), f"{kind} that people may use from now on: `python -m tests.stable_names` writes them down"


def test_all_that_is_scraped_is_promised(tiny_server: RunningServer) -> None:
    assert scraped(tiny_server.metrics()) <= set(promised()["metrics"])
