"""A decoder whose weights were rounded against the PyTorch model that it was made from, through its backend.

Rule: it may choose other words where PyTorch is of two minds, and must know text nearly as well; how well is measured,
published with it, and enough or nothing is published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.core.model_config import ModelConfig
from training.errors import ParityFailed
from training.export import step_parity
from training.models.decoder import Decoder as Model

MOST_DIVERGENCE = 0.02
"""Nats a token that PyTorch's text loses when it is told with the rounded weights: 2 % more perplexity, less than
training for a little longer or shorter makes."""


@dataclass(frozen=True, slots=True)
class RoundedParityReport:
    """Over `positions` of text. `mean_divergence` is Kullback and Leibler's, of PyTorch's probabilities from the
    file's, in nats; `token_agreement` how often the likeliest token is the same."""

    format: str
    weights: str
    positions: int
    mean_divergence: float
    max_abs_error: float  # on logits
    token_agreement: float
    most_divergence: float = MOST_DIVERGENCE

    @property
    def passed(self) -> bool:
        return self.mean_divergence <= self.most_divergence  # NaN compares false


def check(
    directory: Path, config: ModelConfig, model: Model, tokens: Sequence[int], weights: str
) -> tuple[RoundedParityReport]:
    """Raises `ParityFailed`, and `ModelLoadFailed` when the ONNX file doesn't load under `config`, as one doesn't whose
    rows are not strangers to one another."""
    compared = list(step_parity.steps("onnx", directory, config, model, tokens))
    actual, expected = (np.concatenate(logits) for logits in zip(*compared, strict=True))
    report = compare(weights, actual, expected)
    if not report.passed:
        raise ParityFailed(
            f"with {weights} weights the onnx file is too far from PyTorch: its divergence is "
            f"{report.mean_divergence:.2g} nats a token, where {MOST_DIVERGENCE} are allowed, and it has the same "
            f"token at {report.token_agreement:.1%} of {report.positions} positions; not published; "
            "use --weights float32"
        )
    return (report,)


def compare(weights: str, actual: np.ndarray, expected: np.ndarray) -> RoundedParityReport:
    """Logits [positions, vocab]."""
    wanted = _log_probabilities(expected)
    divergence = (np.exp(wanted) * (wanted - _log_probabilities(actual))).sum(axis=1)
    return RoundedParityReport(
        "onnx",
        weights,
        len(actual),
        mean_divergence=float(divergence.mean()),
        max_abs_error=float(np.abs(actual - expected).max()),
        token_agreement=float((actual.argmax(axis=1) == expected.argmax(axis=1)).mean()),
    )


def _log_probabilities(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    found: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found
