import os
from pathlib import Path

import pytest

from serving.backends.cores import usable_cores


def group(root: Path, inside: str, limit: str) -> None:
    folder = root / "groups" / inside
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(f"{limit}\n")


def cores(root: Path, own: str = "0::/pods/one\n") -> int:
    (root / "cgroup").write_text(own)
    return usable_cores(root / "cgroup", root / "groups")


def test_without_limits_it_is_what_the_process_may_run_on(tmp_path: Path) -> None:
    group(tmp_path, "pods/one", "max 100000")
    assert 1 <= cores(tmp_path) <= len(os.sched_getaffinity(0))


def test_a_process_that_is_tied_to_one_core_has_one(tmp_path: Path) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert cores(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize("inside", ["pods/one", "pods", ""])
def test_a_containers_limit_counts_wherever_it_is_set(tmp_path: Path, inside: str) -> None:
    group(tmp_path, inside, "50000 100000")
    assert cores(tmp_path) == 1


def test_parts_of_a_core_are_a_core(tmp_path: Path) -> None:
    group(tmp_path, "pods/one", "150000 100000")
    assert cores(tmp_path) == min(2, len(os.sched_getaffinity(0)))


@pytest.mark.parametrize("limit", ["", "nonsense", "5 0", "a b"])
def test_what_can_not_be_read_is_no_limit(tmp_path: Path, limit: str) -> None:
    unlimited = usable_cores(tmp_path / "none", tmp_path / "none")
    group(tmp_path, "pods/one", limit)
    assert cores(tmp_path) == cores(tmp_path, "12:cpu:/old\n") == unlimited
