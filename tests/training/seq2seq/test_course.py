import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.tiny_answers import RECIPE
from tests.training.small_run import run_in
from training.errors import InvalidConfig
from training.language.checkpoint import AnswerMetrics, load
from training.seq2seq.course import Seq2seqCourse


def test_a_course_trains_tells_saves_and_publishes(tmp_path: Path) -> None:
    output = io.StringIO()
    course = Seq2seqCourse.of(RECIPE, {"steps": 2})
    course.train(tmp_path / "checkpoint", Console(file=output), run_in(tmp_path))
    version = course.publish(tmp_path / "checkpoint", tmp_path / "models")

    assert "tiny-answers step 2/2: loss " in output.getvalue()
    assert "of 11 held-out texts, with " in output.getvalue()
    assert isinstance(load(tmp_path / "checkpoint").metrics, AnswerMetrics)
    assert version == tmp_path / "models" / "tiny-answers" / "1"


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"size": "huge"}, "tiny-answers has no parameter 'size'"), ({"steps": 0}, "steps must be at least 1")],
)
def test_what_it_is_not_trained_by_is_refused(changes: dict[str, int | float | str], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        Seq2seqCourse.of(RECIPE, changes)
