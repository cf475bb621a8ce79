"""In a process of its own, since a limit that was lowered stays so."""

import subprocess
import sys

import pytest

from serving.descriptors import FOR_FILES, limits, room_for


@pytest.mark.parametrize(("hard", "room", "soft"), [(400, 144, 400), (1000, 300, 300 + FOR_FILES), (10, 1, 10)])
def test_the_limit_is_raised_as_far_as_it_may_be(hard: int, room: int, soft: int) -> None:
    code = (
        "from serving.descriptors import limits, room_for\nimport resource\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (10, {hard}))\nprint(room_for(300), *limits())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == [str(room), str(soft), str(hard)], done.stderr


def test_what_is_enough_stays() -> None:
    before = limits()
    assert room_for(1) == 1
    assert limits() == before
