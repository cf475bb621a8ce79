"""A repository that is gone, can't be written, or is something else, while its models answer."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import scaled_models
from tests.callers import Told, callers_of
from tests.faults.trials import Trials
from tests.running_server import RunningServer, running, until
from tests.scaled_models import current, index

LOOKS_EVERY = 0.2  # seconds

Lose = Callable[[Path], Callable[[], object]]
"""Of a repository; returns what undoes it."""


@contextmanager
def polled(root: Path) -> Iterator[tuple[RunningServer, Told]]:
    with (
        running(root, model_control_mode="poll", repository_poll_secs=LOOKS_EVERY) as server,
        callers_of(server, 2) as told,
    ):
        yield server, told
    assert told.failures == []


def moved(root: Path) -> Callable[[], object]:
    elsewhere = root.with_name("elsewhere")
    root.rename(elsewhere)
    return lambda: elsewhere.rename(root)


def a_file(root: Path) -> Callable[[], object]:
    back = moved(root)
    root.write_text("not a folder")
    return lambda: (root.unlink(), back())


def a_loop(root: Path) -> Callable[[], object]:
    """Which fails as a disk does: not for what is not there."""
    back = moved(root)
    root.symlink_to(root)
    return lambda: (root.unlink(), back())


def goes_on(server: RunningServer, why: str) -> bool:
    """As the index says."""
    ((state, reason),) = index(server).values()
    assert state == "READY"
    return reason.startswith("it goes on as it was loaded before: ") and f"can't be read: {why}" in reason


@pytest.mark.parametrize(
    ("lose", "why"),
    [(moved, "No such file"), (a_file, "Not a directory"), (a_loop, "Too many levels of symbolic links")],
)
def test_a_repository_that_is_lost_costs_no_answer_and_is_read_again(
    tmp_path: Path, lose: Lose, why: str, trials: Trials, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "models"
    scaled_models.add_scaled(root, 1)
    with polled(root) as (server, told):
        find_again = lose(root)
        reachable = f'slipway_repository_reachable{{repository="{root}"}}'
        until(lambda: server.metric(reachable) == 0, "it is noticed")
        before = told.answers.total()
        until(lambda: told.answers.total() > before + 50, "callers are answered")
        until(lambda: goes_on(server, why), f"the index says {why}")
        find_again()
        scaled_models.publish(root, 2)
        until(lambda: current(server) == "2", "it is followed again")
        until(lambda: server.metric(reachable) == 1, "it is read again")
    told_of = [message for message in caplog.messages if "is left as it is" in message]
    assert len(told_of) == len(set(told_of)), "each is told once"
    trials.note(f"the repository is lost ({lose.__name__.replace('_', ' ')})", told.answers.total(), "nothing")


def test_a_server_writes_nothing_into_its_repository(tmp_path: Path) -> None:
    """One that is mounted so that nobody can: models are loaded, followed and warmed up."""
    root = tmp_path / "models"
    scaled_models.add_scaled(root, 1, 2)
    mount = ["mount", "--bind", "-o", "ro", str(root), str(root)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(OSError, match="Read-only"):
            (root / "file").touch()
        with polled(root) as (server, told):
            assert current(server) == "2"
            until(lambda: told.answers.total() > 20)
    finally:
        subprocess.run(["umount", str(root)], check=True)
