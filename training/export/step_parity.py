"""Exported decoders against the PyTorch model on held-out text, step by step, through the backends that serve them.

Rule: whatever the row, the chunks and the company, each step's logits are those that PyTorch gives for the whole text.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

import numpy as np
import torch

from serving.backends.decoder import DECODERS, Decoder, DecoderBackend
from serving.core.generation_config import complete
from serving.core.model_config import ModelConfig
from training.errors import ParityFailed
from training.export.parity import BACKENDS
from training.models.decoder import Decoder as Model

STEPS = 8
TOLERANCE = 1e-3  # on logits; of the largest one where that is above 10
_LARGE = 10.0
_PROMPTS = (3, 17, 40, 64)  # tokens
TOKENS = sum(_PROMPTS) + len(_PROMPTS) * STEPS
"""That are enough to compare with."""


@dataclass(frozen=True, slots=True)
class StepParityReport:
    """`step` 0 reads prompts, each later one writes a token in every row; the same best token in how many of them, or
    another that PyTorch finds as good within `tolerance`."""

    format: str
    step: int
    rows: int
    max_abs_error: float
    token_agreement: float
    tolerance: float = TOLERANCE

    @property
    def passed(self) -> bool:
        return self.max_abs_error <= self.tolerance and self.token_agreement == 1.0  # NaN compares false


def check(
    directory: Path, config: ModelConfig, model: Model, tokens: Sequence[int], formats: Iterable[str] = BACKENDS
) -> tuple[StepParityReport, ...]:
    """Compare the files in `directory` with `model` on text; the reports, format by format and step by step.

    Raises `ParityFailed`, and `ModelLoadFailed` when a file doesn't load under `config`.
    """
    return tuple(report for name in formats for report in _check_format(name, directory, config, model, tokens))


def steps(
    file_format: str, directory: Path, config: ModelConfig, model: Model, tokens: Sequence[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Logits [rows, vocab] of the file and of `model`: what follows prompts, and then each further token of text.

    Raises `ParityFailed` where there is too little text, and `ModelLoadFailed` when the file doesn't load.
    """
    texts = _texts(tokens, model.config.max_position_embeddings)
    with torch.inference_mode():
        expected = [model(torch.tensor([text]))[0].numpy() for text in texts]
    longest = max(map(len, texts))
    backend = BACKENDS[file_format]
    decoder = _find(backend)(directory, _served_by(backend, config), "cpu", len(texts), longest)
    try:
        for step, actual in enumerate(_answers(decoder, texts)):
            positions = [len(text) - STEPS - 1 + step for text in texts]
            yield actual, np.stack([logits[position] for logits, position in zip(expected, positions, strict=True)])
    finally:
        decoder.close()


def compare(file_format: str, step: int, actual: np.ndarray, expected: np.ndarray) -> StepParityReport:
    """Both are [rows, vocab]."""
    rows = np.arange(len(actual))
    tolerance = TOLERANCE * max(1.0, float(np.abs(expected).max()) / _LARGE)
    agreed = expected.max(axis=1) - expected[rows, actual.argmax(axis=1)] <= tolerance
    return StepParityReport(
        file_format, step, len(actual), float(np.abs(actual - expected).max()), float(agreed.mean()), tolerance
    )


def _texts(tokens: Sequence[int], longest: int) -> list[Sequence[int]]:
    """One for each prompt, with what follows it; of different places."""
    if longest <= STEPS:
        raise ParityFailed(f"the model has {longest} positions, too few to compare {STEPS} steps; not published")
    lengths = [min(prompt, longest - STEPS) + STEPS for prompt in _PROMPTS]
    if sum(lengths) > len(tokens):
        raise ParityFailed(f"there are {len(tokens)} tokens of held-out text, too few to compare with; not published")
    starts = np.cumsum([0, *lengths[:-1]])
    return [tokens[start : start + length] for start, length in zip(starts.tolist(), lengths, strict=True)]


def _check_format(
    file_format: str, directory: Path, config: ModelConfig, model: Model, tokens: Sequence[int]
) -> Iterator[StepParityReport]:
    for step, (actual, expected) in enumerate(steps(file_format, directory, config, model, tokens)):
        report = compare(file_format, step, actual, expected)
        if not report.passed:
            raise ParityFailed(_complaint(report))
        yield report


def _answers(decoder: Decoder, texts: list[Sequence[int]]) -> Iterator[np.ndarray]:
    """Logits [rows, vocab] of each step; every second prompt is read in two chunks."""
    lengths = [len(text) - STEPS for text in texts]
    yield np.stack([_prefilled(decoder, row, texts[row][: lengths[row]]) for row in range(len(texts))])
    for step in range(STEPS):
        filled = [length + step for length in lengths]
        written = [text[position] for text, position in zip(texts, filled, strict=True)]
        yield decoder.decode(written, filled).copy()


def _prefilled(decoder: Decoder, row: int, prompt: Sequence[int]) -> np.ndarray:
    first = len(prompt) // 2 if row % 2 else 0
    if first:
        decoder.prefill(row, prompt[:first], 0)
    return decoder.prefill(row, prompt[first:], first).copy()


def _find(backend: str) -> DecoderBackend:
    module, _, function = DECODERS[backend].partition(":")
    return cast(DecoderBackend, getattr(import_module(module), function))


def _served_by(backend: str, config: ModelConfig) -> ModelConfig:
    served = ModelConfig()
    served.CopyFrom(config)
    served.backend, served.platform, served.default_model_filename = backend, "", ""
    return complete(served)


def _complaint(report: StepParityReport) -> str:
    return (
        f"the {report.format} file answers differently from PyTorch at step {report.step} (largest difference "
        f"{report.max_abs_error:.2g}, same token in {report.token_agreement:.1%} of rows); not published"
    )
