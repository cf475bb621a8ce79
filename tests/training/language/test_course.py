import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.tiny_language import RECIPE
from tests.training.small_run import run_in
from training.errors import InvalidConfig
from training.language.checkpoint import load
from training.language.course import LanguageCourse


def test_a_course_trains_tells_saves_and_publishes(tmp_path: Path) -> None:
    output = io.StringIO()
    course = LanguageCourse.of(RECIPE, {"steps": 2, "size": "tiny"})
    course.train(tmp_path / "checkpoint", Console(file=output), run_in(tmp_path))
    version = course.publish(tmp_path / "checkpoint", tmp_path / "models")

    assert "tiny-writer step 2/2: loss " in output.getvalue()
    assert "bits a byte on held-out text, with 29," in output.getvalue()
    assert load(tmp_path / "checkpoint").config.steps == 2
    assert version == tmp_path / "models" / "tiny-writer" / "1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": "huge"}, "size must be one of tiny, got 'huge'"),
        ({"weights": "int4"}, "--weights must be float32 or int8, got 'int4'"),
        ({"steps": 0}, "steps must be at least 1"),
    ],
)
def test_what_it_is_not_trained_by_is_refused(changes: dict[str, int | float | str], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        LanguageCourse.of(RECIPE, changes)
