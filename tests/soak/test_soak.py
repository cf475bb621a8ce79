"""The soak's short form: everything that it does in minutes, for seconds."""

from pathlib import Path

from tests.soak.soaking import soak


def test_a_short_soak_holds(tmp_path: Path) -> None:
    assert soak(tmp_path, seconds=3, connections=16) == []
