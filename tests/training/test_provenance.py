import platform
from datetime import UTC, datetime, timedelta

import torch

from training.provenance import library_versions, utc_now


def test_now_is_in_utc_and_says_so() -> None:
    now = datetime.fromisoformat(utc_now())

    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=5)


def test_versions_are_those_that_run() -> None:
    assert library_versions("torch") == {"python": platform.python_version(), "torch": torch.__version__}
