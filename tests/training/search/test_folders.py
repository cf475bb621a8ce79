from pathlib import Path

import pytest

from training.search.folders import folder_for


def test_the_same_question_has_the_same_folder_and_another_the_next(tmp_path: Path) -> None:
    one, other = {"space": {"values": (1, 2.5)}}, {"space": {"values": (1, 2)}}

    assert folder_for(tmp_path / "search", one, fresh=False) == tmp_path / "search" / "1"
    assert folder_for(tmp_path / "search", one, fresh=False) == tmp_path / "search" / "1"
    assert folder_for(tmp_path / "search", other, fresh=False) == tmp_path / "search" / "2"
    assert folder_for(tmp_path / "search", other, fresh=True) == tmp_path / "search" / "3"


@pytest.mark.parametrize("content", [None, "half of {"])
def test_what_is_no_search_is_passed_over(content: str | None, tmp_path: Path) -> None:
    (tmp_path / "4").mkdir()
    if content is not None:
        (tmp_path / "4" / "search.json").write_text(content)

    assert folder_for(tmp_path, {}, fresh=False) == tmp_path / "5"
