"""Replicas that are replaced, or killed, behind a real HAProxy, under a load that waits for nobody."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from loadtests.rolling.balancer import PROGRAM
from loadtests.rolling.models import write_models
from loadtests.rolling.scene import PLAIN, Scene, scene
from loadtests.rolling.traffic import Traffic, traffic
from tests.running_server import until

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="HAProxy is not installed (Debian and Ubuntu: apt-get install haproxy)"
)

RATE = 5.0  # a second, of each client
TOLD_AFTER = 0.5  # seconds
LAME_DUCK = 1.5  # seconds


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    repository = tmp_path_factory.mktemp("repository")
    write_models(repository)
    with scene(repository, ("--lame-duck-secs", str(LAME_DUCK)), tmp_path_factory.mktemp("replicas")) as found:
        yield found


@dataclass(frozen=True)
class Update:
    """Both replicas are others now; `codes` are those of the two that went."""

    codes: list[int]
    traffic: Traffic


@pytest.fixture(scope="module")
def update(stage: Scene) -> Update:
    with traffic(partial(stage.updated, RATE)) as seen:
        codes = [stage.replace(TOLD_AFTER) for _ in range(2)]
    return Update(codes, seen)


def test_an_update_fails_no_request(update: Update) -> None:
    """Each is answered by its own answer, streams to their end: behind a balancer that checks health, one that is told
    late and only of new connections, and none."""
    told = {name: (update.traffic.failures(name), each.messages) for name, each in update.traffic.outcomes.items()}
    assert {name: said for name, said in told.items() if said[0]} == {}
    assert update.codes == [0, 0]


def test_an_update_has_no_request_computed_twice(update: Update, stage: Scene) -> None:
    sent = {f"{name}-{number}" for name, each in update.traffic.outcomes.items() for number in each.number.tolist()}
    until(lambda: sent <= stage.replicas.answered().keys(), "what was answered is recorded")
    answered = stage.replicas.answered()
    assert {name: count for name in sent if (count := answered[name]) != 1} == {}


def test_a_replica_that_is_killed_loses_what_it_had(update: Update, stage: Scene) -> None:
    """And nothing of it where somebody asks again."""
    with traffic(partial(stage.killed, RATE)) as seen:
        dead = stage.kill()
    assert {name: failed for name in seen.outcomes if (failed := seen.failures(name)) and name not in PLAIN} == {}
    lost = [failure for name in PLAIN for failure in seen.failures(name)]
    assert [failure for failure in lost if failure.left > dead - seen.start] == [], "sent after its death"
