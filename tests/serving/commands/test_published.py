from pathlib import Path

import pytest

from serving.commands.published import repository_of
from serving.errors import ModelLoadFailed

OTHER = "name another"


def test_a_model_that_is_there_is_found_in_whichever_repository_has_it(tiny_repository: Path, tmp_path: Path) -> None:
    repository = repository_of("double", [str(tmp_path), str(tiny_repository)], OTHER)
    assert repository.versions("double") == [1]


def test_what_is_not_there_is_named_with_what_is(tiny_repository: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=rf"no model 'dubble' in {tiny_repository}; did you mean double\?; name"):
        repository_of("dubble", [str(tiny_repository)], OTHER)
    with pytest.raises(ModelLoadFailed, match=rf"there is no folder {tmp_path / 'no'}; name another"):
        repository_of("double", [str(tmp_path / "no")], OTHER)
