"""Which of the routes for people a model is asked on. Rule: told by the names of its outputs, and by nothing else."""

from collections.abc import Iterable

CLASSIFY, DETECT, RECOMMEND, TRANSCRIBE = "classify", "detect", "recommend", "transcribe"

_BY_OUTPUTS = {
    DETECT: {"boxes", "scores", "classes"},
    RECOMMEND: {"items", "scores"},
    TRANSCRIBE: {"tokens"},
}


def route(outputs: Iterable[str]) -> str:
    """The last part of `/v1/models/M/ROUTE`, that of classifiers where no other fits."""
    names = set(outputs)
    return next((name for name, needed in _BY_OUTPUTS.items() if needed <= names), CLASSIFY)
