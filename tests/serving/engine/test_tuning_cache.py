import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from serving.core import model_config
from serving.engine.measuring import Measurement
from serving.engine.repository import ModelRepository
from serving.engine.tuning_cache import FOLDER, TuningCache
from serving.scheduling.tuning import Measured, Question, Setting
from tests import tiny_models

ASKED = Question(2, max_batch_size=8)
FOUND = Measurement((Measured(Setting(2, 1), 8, 0.002), Measured(Setting(1, 2), 8, 0.003)), 0.25)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_models.add_double(tmp_path / "models")
    return tmp_path / "models"


def cache(root: Path, question: Question = ASKED, version: str = "1") -> TuningCache:
    config = model_config.complete(ModelRepository(root).config("double"))
    return TuningCache(root / "double" / version, config, question, root.parent / "cache")


def kept(root: Path) -> Path:
    [path] = (root / "double" / FOLDER).iterdir()
    return path


def test_what_was_measured_is_kept_beside_the_version_and_found_again(root: Path) -> None:
    assert cache(root).read() is None
    before = ModelRepository(root).fingerprint("double")
    assert cache(root).write(FOUND) == kept(root)
    assert kept(root).name.startswith("1-")
    assert cache(root).read() == FOUND
    assert ModelRepository(root).fingerprint("double") == before, "the model's files are as they were"
    assert ModelRepository(root).versions("double") == [1]


def test_where_the_models_folder_can_not_be_written_it_is_kept_in_the_cache(root: Path) -> None:
    (root / "double" / FOLDER).write_text("in the way")
    place = cache(root).write(FOUND)
    assert place is not None
    assert place.parent == root.parent / "cache" / "tuned"
    assert cache(root).read() == FOUND


def test_where_nothing_can_be_written_nothing_is_kept(root: Path) -> None:
    (root / "double" / FOLDER).write_text("in the way")
    (root.parent / "cache").write_text("in the way too")
    assert cache(root).write(FOUND) is None
    assert cache(root).read() is None


@pytest.mark.parametrize(
    "other",
    [{"cores": 4}, {"instances": 2}, {"threads": 1}, {"max_batch_size": 16}, {"config": "with other parameters"}],
    ids=str,
)
def test_another_question_is_not_answered_with_it(root: Path, other: dict[str, int]) -> None:
    cache(root).write(FOUND)
    assert cache(root, replace(ASKED, **other)).read() is None  # type: ignore[arg-type]


def test_the_objective_is_a_matter_of_what_to_make_of_it(root: Path) -> None:
    cache(root).write(FOUND)
    assert cache(root, replace(ASKED, objective=0.1)).read() == FOUND


def test_another_file_is_measured_anew_and_the_same_in_another_version_is_not_looked_for(root: Path) -> None:
    cache(root).write(FOUND)
    shutil.copytree(root / "double" / "1", root / "double" / "2")
    assert cache(root, version="2").read() is None
    tiny_models.write_onnx(root / "double" / "1" / "model.onnx", "g (float[n, 4] x) => (float[n, 4] y) { y = Sin(x) }")
    assert cache(root).read() is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"instances, threads, rows, seconds": [], "disturbed": 0}',
        b'{"instances, threads, rows, seconds": 5, "disturbed": 0}',
        b'{"instances, threads, rows, seconds": [[2, 1, 8]], "disturbed": 0}',
        b'{"instances, threads, rows, seconds": [[99, 99, 8, 0.1]], "disturbed": 0}',
        b'{"instances, threads, rows, seconds": [[2, 1, 9, 0.1]], "disturbed": 0}',
        b'{"instances, threads, rows, seconds": [[2, 1, 8, 0]], "disturbed": 0}',
        b'{"instances, threads, rows, seconds": [[2, 1, 8, Infinity]], "disturbed": 0}',
        b'{"instances, threads, rows, seconds": [[2, 1, Infinity, 0.1]], "disturbed": 0}',
        b'{"instances, threads, rows, seconds": [[2, 1, 8, "fast"]], "disturbed": 0}',
    ],
)
def test_a_file_that_is_torn_or_says_what_can_not_be_is_passed_over_and_written_anew(
    root: Path, content: bytes
) -> None:
    cache(root).write(FOUND)
    kept(root).write_bytes(content)
    assert cache(root).read() is None
    cache(root).write(FOUND)
    assert cache(root).read() == FOUND


def test_people_can_read_it(root: Path) -> None:
    cache(root).write(FOUND)
    assert json.loads(kept(root).read_text()) == {
        "instances, threads, rows, seconds": [[2, 1, 8, 0.002], [1, 2, 8, 0.003]],
        "disturbed": 0.25,
    }
