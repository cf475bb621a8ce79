from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from serving.core.generation_config import complete
from serving.core.model_config import ModelConfig, parse
from serving.errors import ModelLoadFailed
from tests.tiny_answers import RECIPE, load
from tests.tiny_seq2seq import TASK
from training import readable_json
from training.checkpoint import Checkpoint
from training.errors import ParityFailed
from training.export import seq2seq_onnx
from training.export.answer_parity import AnswerParityReport, check
from training.export.step_parity import StepParityReport
from training.models.seq2seq import Seq2seq, seq2seq_config
from training.run import restore
from training.seq2seq.batches import Tokens, tokens_of
from training.seq2seq.evaluate import evaluate
from training.seq2seq.next_tokens import NextTokens


@pytest.fixture(scope="module")
def model(answerer: Checkpoint) -> Seq2seq:
    served = restore(RECIPE, answerer).module
    assert isinstance(served, NextTokens)
    return served.model


@pytest.fixture
def folder(tmp_path: Path, model: Seq2seq) -> Path:
    seq2seq_onnx.export(model, tmp_path / "encoder.onnx", tmp_path / "model.onnx")
    (tmp_path / "config.json").write_bytes(readable_json.encode(seq2seq_config(model.config)))
    return tmp_path


@pytest.fixture(scope="module")
def rows() -> list[Tokens]:
    return tokens_of(load().train, folds=True)


def config(extra: str = "") -> ModelConfig:
    return complete(parse(f'backend: "onnxruntime" {TASK} {extra}', "m"))


def test_a_report_for_every_step_and_one_for_what_is_written_alone(
    folder: Path, model: Seq2seq, rows: list[Tokens]
) -> None:
    right = evaluate(model, rows).exact_match

    *steps, last = check(folder, config(), model, rows, right)

    assert right > 0.9
    assert [report.step for report in steps if isinstance(report, StepParityReport)] == [0, 1, 2]
    assert max(report.max_abs_error for report in steps if isinstance(report, StepParityReport)) < 1e-3
    assert last == AnswerParityReport("onnx", len(rows), right, right)


def test_one_that_is_right_less_often_is_refused(folder: Path, model: Seq2seq, rows: list[Tokens]) -> None:
    right = evaluate(model, rows).exact_match
    others = [Tokens(row.text, row.answer[:1]) for row in rows]

    with pytest.raises(ParityFailed, match=r"right in 0\.0% of 61 texts, PyTorch in .*; not published"):
        check(folder, config(), model, others, right)


@pytest.mark.parametrize(
    ("file", "weight"), [("encoder.onnx", "norm_norm.weight"), ("model.onnx", "layers.0.down.weight")]
)
def test_files_that_answer_otherwise_are_refused(
    folder: Path, model: Seq2seq, rows: list[Tokens], file: str, weight: str
) -> None:
    changed = onnx.load(folder / file)
    (tensor,) = (each for each in changed.graph.initializer if each.name == weight)
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 1.5, weight))
    onnx.save(changed, folder / file)

    with pytest.raises(ParityFailed, match="differently from PyTorch at step 0"):
        check(folder, config(), model, rows, 1.0)


def test_what_cannot_be_served_so_is_told(folder: Path, model: Seq2seq, rows: list[Tokens]) -> None:
    longer = 'parameters { key: "generation.max_model_len" value { string_value: "33" } }'

    with pytest.raises(ModelLoadFailed, match="rows of 33 positions"):
        check(folder, config(longer), model, rows, 1.0)
