from pathlib import Path

import pytest

from loadtests.autoscaling.plot_file import CannotDraw, kind
from loadtests.destination import CannotWrite


def test_a_file_is_what_its_name_says(tmp_path: Path) -> None:
    assert [kind(tmp_path / name) for name in ("a.svg", "a.PNG", "a.b.pdf")] == ["svg", "png", "pdf"]


@pytest.mark.parametrize("name", ["a", "a.", "a.html", ".svg"])
def test_what_nobody_draws_is_told_with_what_can_be_drawn(tmp_path: Path, name: str) -> None:
    with pytest.raises(CannotDraw, match=r"\.svg, \.png or \.pdf"):
        kind(tmp_path / name)


def test_what_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(CannotWrite, match="--plot"):
        kind(tmp_path / "a.svg")
