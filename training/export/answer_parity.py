"""An exported encoder and decoder against the PyTorch model on held-out texts, through the runner that will serve them.

Rule: rows write side by side; at each step their logits are those that PyTorch gives for the whole answer, and left to
itself the runner is right as often.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from serving.backends.ort_seq2seq import OrtSeq2seq, load
from serving.core.generation_config import generation_config
from serving.core.model_config import ModelConfig
from training.errors import ParityFailed
from training.export.step_parity import StepParityReport, compare
from training.models.seq2seq import Seq2seq
from training.seq2seq.batches import Tokens
from training.seq2seq.tokenizer import BEGIN_ID, END_ID

FORMAT = "onnx"
_ROWS = 16
_TOLERANCE = 0.005  # of the share of right answers: where two tokens are as likely, rounding decides


@dataclass(frozen=True, slots=True)
class AnswerParityReport:
    """`exact_match` is the share of answers that are right when the runner writes them, `pytorch_exact_match` what was
    found after training."""

    format: str
    texts: int
    exact_match: float
    pytorch_exact_match: float

    @property
    def passed(self) -> bool:
        return abs(self.exact_match - self.pytorch_exact_match) <= _TOLERANCE


def check(
    directory: Path, config: ModelConfig, model: Seq2seq, rows: Sequence[Tokens], exact_match: float
) -> tuple[StepParityReport | AnswerParityReport, ...]:
    """`exact_match` is PyTorch's on `rows`. Raises `ParityFailed`, and `ModelLoadFailed` where the files in `directory`
    can't be served as `config` says."""
    runner = load(directory, config, "cpu", _ROWS, generation_config(config).max_model_len)
    try:
        steps = tuple(_steps(runner, model, rows[:_ROWS]))
        right = sum(list(written) == row.answer for written, row in zip(answers(runner, rows), rows, strict=True))
    finally:
        runner.close()
    report = AnswerParityReport(FORMAT, len(rows), right / len(rows), exact_match)
    if not report.passed:
        raise ParityFailed(
            f"the {FORMAT} files are right in {report.exact_match:.1%} of {len(rows)} texts, PyTorch in "
            f"{exact_match:.1%}; not published"
        )
    return (*steps, report)


def answers(runner: OrtSeq2seq, rows: Sequence[Tokens]) -> Iterator[list[int]]:
    """Of the likeliest tokens, without the end; none becomes longer than the longest right one."""
    longest = max(len(row.answer) for row in rows) + 1
    for start in range(0, len(rows), runner.rows):
        texts = [_prompt(row) for row in rows[start : start + runner.rows]]
        written = [[int(runner.prefill(number, text, 0).argmax())] for number, text in enumerate(texts)]
        for step in range(longest - 1):
            logits = runner.decode([tokens[-1] for tokens in written], [len(text) + step for text in texts])
            for tokens, token in zip(written, logits.argmax(1).tolist(), strict=True):
                tokens.append(token)
        yield from ([*tokens, END_ID][: [*tokens, END_ID].index(END_ID)] for tokens in written)


def _steps(runner: OrtSeq2seq, model: Seq2seq, rows: Sequence[Tokens]) -> Iterator[StepParityReport]:
    """Each token given, as far as the shortest answer goes."""
    texts = [_prompt(row) for row in rows]
    with torch.inference_mode():
        expected = [model(torch.tensor([row.text]), torch.tensor([[BEGIN_ID, *row.answer]]))[0].numpy() for row in rows]
    actual = np.stack([runner.prefill(number, text, 0).copy() for number, text in enumerate(texts)])
    for step in range(min(len(row.answer) for row in rows) + 1):
        if step:
            lengths = [len(text) + step - 1 for text in texts]
            actual = runner.decode([row.answer[step - 1] for row in rows], lengths)
        report = compare(FORMAT, step, actual, np.stack([logits[step] for logits in expected]))
        if not report.passed:
            raise ParityFailed(
                f"the {FORMAT} files answer differently from PyTorch at step {step} (largest difference "
                f"{report.max_abs_error:.2g}, same token in {report.token_agreement:.1%} of rows); not published"
            )
        yield report


def _prompt(row: Tokens) -> list[int]:
    return [*row.text, BEGIN_ID]
